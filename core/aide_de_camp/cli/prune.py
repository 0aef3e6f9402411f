"""``adc prune``."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import click

from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.options import Duration, json_option, queue_options
from aide_de_camp.cli.output import print_json
from aide_de_camp.cli.text import counted, short
from aide_de_camp.opening import DEFAULT_KEEP_FINISHED


@click.command()
@queue_options
@click.option(
    "--keep-finished",
    type=Duration(),
    default=short(DEFAULT_KEEP_FINISHED),
    show_default=True,
    help="How long completed and cancelled jobs are kept; a minute at least.",
)
@json_option
def prune(*, url: str, name: str, keep_finished: timedelta, as_json: bool) -> None:
    """Remove completed and cancelled jobs that were kept long enough; dead ones stay.

    Workers do it about once a minute by their own --keep-finished; it is for queues without
    one, and for making room at once. Safe to repeat.
    """

    async def remove() -> int:
        async with looking(url, name, keep_finished=keep_finished) as queue:
            return await queue.prune()

    count = asyncio.run(remove())
    if as_json:
        print_json({"count": count})
    else:
        click.echo(f"{counted(count, 'finished job')} removed.")
