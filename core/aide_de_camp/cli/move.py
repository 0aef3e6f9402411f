"""``adc move``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Final

import click

from aide_de_camp.cli.failures import Failure, remember_url
from aide_de_camp.cli.looking import looking, refuse_private
from aide_de_camp.cli.options import json_option
from aide_de_camp.cli.output import print_json
from aide_de_camp.cli.text import counted
from aide_de_camp.moving import MoveProgress, MoveReport, move_jobs
from aide_de_camp.opening import open_queue
from aide_de_camp.plugins import redact_url
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
    "end up in both places, and run twice.",
)
@json_option
def move(
    *,
    source: str,
    target: str,
    name: str,
    to_name: str | None,
    leave_running: bool,
    forget_earlier: bool,
    as_json: bool,
) -> None:
    """Move the jobs of a queue to another storage, of any kind.

    Scheduled and dead jobs are moved: ids, order, payloads, retries and errors are kept. What is
    running is waited for, so have workers of the old place stop or run on, and producers use the
    new one first. It may be interrupted at any moment: run it again, and nothing is lost or done
    twice. While an interrupted move isn't finished, others from or into its two queues are refused.
    """
    where = source, target
    try:
        report = asyncio.run(
            _move(
                where,
                name,
                to_name or name,
                wait=not leave_running,
                forget_earlier=forget_earlier,
            )
        )
    except KeyboardInterrupt:
        click.echo("adc: interrupted: run the same command again to finish", err=True)
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
        _print(report, redact_url(source), redact_url(target))
    if report.conflicts:
        raise click.exceptions.Exit(1)


async def _move(
    where: tuple[str, str], name: str, to_name: str, *, wait: bool, forget_earlier: bool
) -> MoveReport:
    source, target = where
    async with AsyncExitStack() as stack:
        with _naming(source):
            old = await stack.enter_async_context(looking(source, name))
        with _naming(target):
            new = await stack.enter_async_context(open_queue(target, name=to_name))
        refuse_private(new, target)
        with _progress_bar() as progress:
            return await move_jobs(
                old, new, wait=wait, forget_earlier=forget_earlier, progress=progress
            )


@contextmanager
def _naming(url: str) -> Generator[None]:
    """Say which of the two storages can't be reached."""
    try:
        yield
    except StorageUnavailable as error:
        raise Failure(f"{redact_url(url)}: {error}") from error


@contextmanager
def _progress_bar() -> Generator[Callable[[MoveProgress], None] | None]:
    """Show how far it got, where there is a terminal to show it on."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 (takes a while; `adc --help` needs none)
    from rich.progress import (  # noqa: PLC0415 (as above)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = TextColumn("moving"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("moving", total=None)

        def show(progress: MoveProgress) -> None:
            bar.update(task, completed=progress.moved, total=max(progress.total, progress.moved))

        yield show


def _print(report: MoveReport, source: str, target: str) -> None:
    click.echo(f"{counted(report.moved, 'job')} moved from {source} to {target}.")
    if report.finished:
        click.echo(f"{counted(report.finished, 'job')} put in use that an earlier move had left.")
    for ids, what in (
        (report.running, "running, left where it is"),
        (report.conflicts, "not moved: the target has another job with its id"),
    ):
        for job_id in ids[:_SHOWN]:
            click.echo(f"{job_id}  {what}")
        if len(ids) > _SHOWN:
            click.echo(f"... and {len(ids) - _SHOWN:,} more {what}")
