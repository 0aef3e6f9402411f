"""``adc move``."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import click

from aide_de_camp.cli.bulk import ask
from aide_de_camp.cli.failures import Failure, remember_url
from aide_de_camp.cli.looking import looking, refuse_private
from aide_de_camp.cli.move_shown import shown
from aide_de_camp.cli.move_way import Way
from aide_de_camp.cli.options import json_option
from aide_de_camp.cli.output import print_json
from aide_de_camp.cli.text import counted
from aide_de_camp.earlier import left_by_earlier
from aide_de_camp.moving import MoveReport, move_jobs
from aide_de_camp.opening import open_queue
from aide_de_camp.plugins import redact_url
from aide_de_camp.queue import Queue
from aide_de_camp.spi import StorageUnavailable

_SHOWN: Final = 10
"""Ids named one by one; of the rest the number is."""


@click.command()
@click.argument("source", metavar="FROM_URL", callback=remember_url)
@click.argument("target", metavar="TO_URL", callback=remember_url)
@click.option("--name", default="default", show_default=True, help="Which queue to move.")
@click.option("--to-name", metavar="NAME", help="The queue to move it to; by default the same.")
@click.option(
    "--leave-running", is_flag=True, help="Leave what is running where it is, and list it."
)
@click.option(
    "--forget-earlier",
    is_flag=True,
    help="Take the other place of an interrupted move as gone for good: where it isn't, jobs may "
    "end up in both places, and run twice. What it is about is counted and asked for first.",
)
@click.option("--yes", is_flag=True, help="Don't ask before forgetting earlier moves.")
@json_option
def move(
    *,
    source: str,
    target: str,
    name: str,
    to_name: str | None,
    leave_running: bool,
    forget_earlier: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Move the jobs of a queue to another storage, of any kind.

    Scheduled and dead jobs are moved: ids, order, payloads, retries and errors are kept. What is
    running is waited for, so have workers of the old place stop or run on, and producers use the
    new one first. It may be interrupted at any moment: run it again, and nothing is lost or done
    twice. While an interrupted move isn't finished, others from or into its two queues are refused.
    """
    way = Way(source, name, target, to_name or name)
    try:
        report = asyncio.run(
            _move(way, wait=not leave_running, forget_earlier=forget_earlier, yes=yes)
        )
    except KeyboardInterrupt:
        click.echo(
            f"adc: interrupted: run the same command again to finish moving {way.words}", err=True
        )
        raise click.exceptions.Exit(130) from None
    if as_json:
        print_json(
            {
                "moved": report.moved,
                "finished": report.finished,
                "running": [str(job_id) for job_id in report.running],
                "conflicts": [str(job_id) for job_id in report.conflicts],
            }
        )
    else:
        _print(report, way)
    if report.conflicts:
        raise click.exceptions.Exit(1)


async def _move(way: Way, *, wait: bool, forget_earlier: bool, yes: bool) -> MoveReport:
    async with AsyncExitStack() as stack:
        with _naming(way.source):
            old = await stack.enter_async_context(looking(way.source, way.source_name))
        with _naming(way.target):
            new = await stack.enter_async_context(open_queue(way.target, name=way.target_name))
        refuse_private(new, way.target)
        with way.naming():
            if forget_earlier and not yes:
                await _ask_to_forget(old, new, way)
            with shown(way.old) as progress:
                return await move_jobs(
                    old, new, wait=wait, forget_earlier=forget_earlier, progress=progress
                )


async def _ask_to_forget(old: Queue, new: Queue, way: Way) -> None:
    left = await left_by_earlier(old, new)
    if left:
        ask(
            f"Forget {counted(left.moves, 'interrupted move')}, with "
            f"{counted(left.at_source, 'job')} held at {way.old} and "
            f"{counted(left.at_target, 'job')} held at {way.new}, the other places being gone "
            "for good?"
        )


@contextmanager
def _naming(url: str) -> Generator[None]:
    """Say which of the two storages can't be reached."""
    try:
        yield
    except StorageUnavailable as error:
        raise Failure(f"{redact_url(url)}: {error}") from error


def _print(report: MoveReport, way: Way) -> None:
    click.echo(f"{counted(report.moved, 'job')} moved {way.words}.")
    if report.finished:
        finished = counted(report.finished, "job")
        click.echo(f"{finished} put in use at {way.new} that an earlier move had left.")
    for ids, what in (
        (report.running, f"running, left at {way.old}"),
        (report.conflicts, f"not moved: {way.new} has another job with its id"),
    ):
        for job_id in ids[:_SHOWN]:
            click.echo(f"{job_id}  {what}")
        if len(ids) > _SHOWN:
            click.echo(f"... and {len(ids) - _SHOWN:,} more {what}")
