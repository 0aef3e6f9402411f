"""``adc jobs``: list, show and count; to cancel has a file of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import click

from aide_de_camp.cli.cancel import cancel
from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.options import (
    ids_argument,
    json_option,
    page_options,
    queue_options,
    reason_option,
    time_options,
    type_option,
)
from aide_de_camp.cli.output import console, known_codecs, print_json, print_table, table
from aide_de_camp.cli.rows import counted_states, print_jobs, print_whole
from aide_de_camp.cli.shapes import counts_shape, job_shape
from aide_de_camp.cli.text import one_line
from aide_de_camp.spi import JobNotFound, JobState
from aide_de_camp.views import JobCounts, JobPage, JobView

_STATES: Final = [str(state) for state in JobState]


@click.group()
def jobs() -> None:
    """Look at jobs, and cancel those that have not started."""


@jobs.command("list")
@queue_options
@click.option(
    "--state", "states", multiple=True, type=click.Choice(_STATES), help="Only in this state."
)
@type_option
@reason_option
@time_options
@page_options
@json_option
def list_jobs(
    *,
    url: str,
    name: str,
    states: Sequence[str],
    types: Sequence[str],
    reasons: Sequence[str],
    scheduled_from: datetime | None,
    scheduled_to: datetime | None,
    finished_from: datetime | None,
    finished_to: datetime | None,
    limit: int,
    cursor: str | None,
    newest: bool,
    as_json: bool,
) -> None:
    """List jobs in the order in which they were scheduled.

    WHEN says since when a job is due, runs or is finished, or when it will be due. Odd jobs are
    flagged in brackets; one whose lease expired is running until a claim takes it back. Payloads
    are never listed. Every condition given must hold; times are ISO 8601 with their zone, or
    so long before or from now (-1h, +2d).
    """

    async def page() -> JobPage:
        async with looking(url, name) as queue:
            return await queue.list_jobs(
                states=[JobState(state) for state in states] or None,
                job_types=types or None,
                reasons=reasons or None,
                scheduled_from=scheduled_from,
                scheduled_to=scheduled_to,
                finished_from=finished_from,
                finished_to=finished_to,
                limit=limit,
                cursor=cursor,
                newest_first=newest,
            )

    found = asyncio.run(page())
    if as_json:
        codecs = known_codecs()
        shapes = [job_shape(job, codecs) for job in found.jobs]
        print_json({"jobs": shapes, "cursor": found.cursor})
    else:
        print_jobs(found, f"No jobs match in queue {name}.")


@jobs.command()
@queue_options
@ids_argument()
@click.option("--payload", is_flag=True, help="Show the payload too.")
@click.option("--detail", is_flag=True, help="Show the codec's own words, which may quote it.")
@json_option
def show(
    *, url: str, name: str, ids: Sequence[UUID], payload: bool, detail: bool, as_json: bool
) -> None:
    """Show all that is kept of jobs, in any state; times are in UTC."""
    show_jobs(url, name, ids, state=None, payload=payload, detail=detail, as_json=as_json)


@jobs.command()
@queue_options
@type_option
@json_option
def counts(*, url: str, name: str, types: Sequence[str], as_json: bool) -> None:
    """Count jobs by type and state."""

    async def count() -> JobCounts:
        async with looking(url, name) as queue:
            return await queue.count_jobs(job_types=types or None)

    found = asyncio.run(count())
    if as_json:
        print_json(counts_shape(name, found))
        return
    states = counted_states([found])
    heads = [state.upper() for state in states]
    rows = table("TYPE", *heads, right=tuple(heads))
    for job_type, row in sorted(found.by_type.items()):
        rows.add_row(one_line(job_type), *(f"{row.get(state, 0):,}" for state in states))
    if len(found.by_type) != 1:
        rows.add_row("all", *(f"{found.by_state[state]:,}" for state in states), style="bold")
    print_table(console(), rows)


jobs.add_command(cancel)


def show_jobs(
    url: str,
    name: str,
    ids: Sequence[UUID],
    *,
    state: JobState | None,
    payload: bool,
    detail: bool,
    as_json: bool,
) -> None:
    """Show jobs by their ids; ends with 1 if any is missing.

    Args:
        url: where the jobs are stored.
        name: the queue's name.
        ids: the jobs'.
        state: show only those in it; None shows all.
        payload: show the payloads too.
        detail: show the codec's own words on a decode failure.
        as_json: print JSON.
    """

    async def find() -> tuple[list[JobView], list[tuple[UUID, str]]]:
        found: list[JobView] = []
        missing: list[tuple[UUID, str]] = []
        async with looking(url, name) as queue:
            for job_id in ids:
                try:
                    job = await queue.get_job(job_id)
                except JobNotFound as error:
                    missing.append((job_id, str(error)))
                    continue
                if state is None or job.state is state:
                    found.append(job)
                else:
                    missing.append((job_id, f"job {job_id} isn't {state}: it is {job.state}"))
        return found, missing

    found, missing = asyncio.run(find())
    if as_json:
        codecs = known_codecs()
        shapes = [
            job_shape(job, codecs, whole=True, payload=payload, detail=detail) for job in found
        ]
        print_json({"jobs": shapes, "missing": [str(job_id) for job_id, _ in missing]})
    else:
        print_whole(found, payload=payload, detail=detail)
    for _, why in missing:
        click.echo(f"adc: error: {one_line(why)}", err=True)
    if missing:
        raise click.exceptions.Exit(1)
