"""``adc jobs cancel``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import click

from aide_de_camp.cli.bulk import Act, act_on_all, all_that_match, words_for
from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.options import all_options, type_option
from aide_de_camp.cli.results import ItemResult, print_results
from aide_de_camp.queue import Queue
from aide_de_camp.spi import JobNotFound, JobState


@click.command()
@all_options
@type_option
def cancel(
    *,
    url: str,
    name: str,
    ids: Sequence[UUID],
    every: bool,
    types: Sequence[str],
    yes: bool,
    as_json: bool,
) -> None:
    """Cancel jobs that have not started: by their ids, all of a type, or all.

    A running job goes on. Safe to repeat. Given ids, it ends with 1 unless every job was
    cancelled.
    """
    if all_that_match(ids, types, every=every):
        act_on_all(url, name, _cancelling(types), yes=yes, as_json=as_json)
    else:
        _cancel_each(url, name, ids, as_json=as_json)


def _cancelling(types: Sequence[str]) -> Act:
    async def count(queue: Queue) -> int:
        counts = await queue.count_jobs(states=[JobState.SCHEDULED], job_types=types or None)
        return counts.total

    return Act(
        verb="cancel",
        done="cancelled",
        noun="scheduled job",
        which=words_for(types),
        count=count,
        act=lambda queue: queue.cancel_all(job_types=types or None),
    )


def _cancel_each(url: str, name: str, ids: Sequence[UUID], *, as_json: bool) -> None:
    async def one(queue: Queue, job_id: UUID) -> ItemResult:
        try:
            if await queue.cancel_job(job_id):
                return ItemResult(job_id, "cancelled", JobState.CANCELLED, done=True)
        except JobNotFound as error:
            return ItemResult(job_id, "not_found", error.state)
        return ItemResult(job_id, "running", JobState.RUNNING)

    async def each() -> list[ItemResult]:
        async with looking(url, name) as queue:
            return [await one(queue, job_id) for job_id in ids]

    print_results(asyncio.run(each()), as_json=as_json)
