"""``adc dead``: list, show, requeue and delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import click

from aide_de_camp.cli.bulk import Act, act_on_all, all_that_match, words_for
from aide_de_camp.cli.jobs import show_jobs
from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.options import (
    all_options,
    ids_argument,
    json_option,
    page_options,
    queue_options,
    reason_option,
    type_option,
)
from aide_de_camp.cli.output import known_codecs, print_json
from aide_de_camp.cli.results import ItemResult, print_results
from aide_de_camp.cli.rows import print_dead
from aide_de_camp.cli.shapes import job_shape
from aide_de_camp.queue import Queue
from aide_de_camp.spi import JobNotFound, JobState
from aide_de_camp.views import JobPage


@click.group()
def dead() -> None:
    """Look at the dead queue, where jobs are kept that can't go on, and act on it."""


@dead.command("list")
@queue_options
@type_option
@reason_option
@click.option("--messages", is_flag=True, help="Show the errors' messages too.")
@page_options
@json_option
def list_dead(
    *,
    url: str,
    name: str,
    types: Sequence[str],
    reasons: Sequence[str],
    messages: bool,
    limit: int,
    cursor: str | None,
    newest: bool,
    as_json: bool,
) -> None:
    """List dead jobs in the order in which they were scheduled.

    An error's message is the handler's own text, which may quote the payload: it is listed only
    with --messages.
    """

    async def page() -> JobPage:
        async with looking(url, name) as queue:
            return await queue.dead.list(
                job_types=types or None,
                reasons=reasons or None,
                limit=limit,
                cursor=cursor,
                newest_first=newest,
            )

    found = asyncio.run(page())
    if as_json:
        codecs = known_codecs()
        shapes = [job_shape(job, codecs, messages=messages) for job in found.jobs]
        print_json({"jobs": shapes, "cursor": found.cursor})
    else:
        print_dead(found, f"No dead jobs match in queue {name}.", messages=messages)


@dead.command()
@queue_options
@ids_argument()
@click.option("--payload", is_flag=True, help="Show the payload too.")
@click.option("--detail", is_flag=True, help="Show the codec's own words, which may quote it.")
@json_option
def show(
    *, url: str, name: str, ids: Sequence[UUID], payload: bool, detail: bool, as_json: bool
) -> None:
    """Show all that is kept of dead jobs; times are in UTC."""
    show_jobs(url, name, ids, state=JobState.DEAD, payload=payload, detail=detail, as_json=as_json)


@dead.command()
@all_options
@type_option
@reason_option
def requeue(
    *,
    url: str,
    name: str,
    ids: Sequence[UUID],
    every: bool,
    types: Sequence[str],
    reasons: Sequence[str],
    yes: bool,
    as_json: bool,
) -> None:
    """Schedule dead jobs again, with their very bytes and no retry used.

    By their ids, all of a type or reason, or all. Safe to repeat. Given ids, it ends with 1
    unless every job was dead.
    """
    if all_that_match(ids, (*types, *reasons), every=every):
        act = _acting("requeue", "requeued", types, reasons, lambda queue: queue.dead.requeue_all)
        act_on_all(url, name, act, yes=yes, as_json=as_json)
    else:
        _act_on_each(url, name, ids, "requeued", lambda q: q.dead.requeue, as_json=as_json)


@dead.command()
@all_options
@type_option
@reason_option
def delete(
    *,
    url: str,
    name: str,
    ids: Sequence[UUID],
    every: bool,
    types: Sequence[str],
    reasons: Sequence[str],
    yes: bool,
    as_json: bool,
) -> None:
    """Remove dead jobs for good.

    By their ids, all of a type or reason, or all. Safe to repeat. Given ids, it ends with 1
    unless every job was dead.
    """
    if all_that_match(ids, (*types, *reasons), every=every):
        act = _acting("delete", "deleted", types, reasons, lambda queue: queue.dead.delete_all)
        act_on_all(url, name, act, yes=yes, as_json=as_json)
    else:
        _act_on_each(url, name, ids, "deleted", lambda q: q.dead.delete, as_json=as_json)


def _acting(
    verb: str,
    done: str,
    types: Sequence[str],
    reasons: Sequence[str],
    act: Callable[[Queue], Callable[..., Awaitable[int]]],
) -> Act:
    wanted = {"job_types": types or None, "reasons": reasons or None}
    return Act(
        verb=verb,
        done=done,
        noun="dead job",
        which=words_for(types, reasons),
        count=lambda queue: queue.dead.count(**wanted),
        act=lambda queue: act(queue)(**wanted),
    )


def _act_on_each(
    url: str,
    name: str,
    ids: Sequence[UUID],
    done: str,
    verb: Callable[[Queue], Callable[[UUID], Awaitable[None]]],
    *,
    as_json: bool,
) -> None:
    async def one(queue: Queue, job_id: UUID) -> ItemResult:
        try:
            await verb(queue)(job_id)
        except JobNotFound as error:
            return ItemResult(job_id, "not_found", error.state)
        state = JobState.SCHEDULED if done == "requeued" else None
        return ItemResult(job_id, done, state, done=True)

    async def each() -> list[ItemResult]:
        async with looking(url, name) as queue:
            return [await one(queue, job_id) for job_id in ids]

    print_results(asyncio.run(each()), as_json=as_json)
