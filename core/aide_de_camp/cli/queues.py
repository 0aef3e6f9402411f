"""``adc queues``."""

from __future__ import annotations

import asyncio
from functools import partial

import click

from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.options import json_option, url_option
from aide_de_camp.cli.output import console, print_json, print_table, table
from aide_de_camp.cli.rows import counted_states
from aide_de_camp.cli.shapes import queues_shape
from aide_de_camp.cli.text import one_line
from aide_de_camp.spi import CountFilter, CountRow, Storage
from aide_de_camp.views import JobCounts, counts_of


@click.command()
@url_option
@json_option
def queues(*, url: str, as_json: bool) -> None:
    """List the queues of a storage that hold jobs, with counts by state."""
    found = asyncio.run(_count_all(url))
    if as_json:
        print_json(queues_shape(found))
        return
    if not found:
        click.echo("No queue holds any job.")
        return
    states = counted_states(found.values())
    heads = [state.upper() for state in states]
    rows = table("QUEUE", *heads, right=tuple(heads))
    for name, counts in found.items():
        rows.add_row(one_line(name), *(f"{counts.by_state[state]:,}" for state in states))
    print_table(console(), rows)


async def _count_all(url: str) -> dict[str, JobCounts]:
    async with looking(url) as queue:
        names = await queue.session.call(lambda storage: storage.queues())
        counts = {
            name: counts_of(await queue.session.call(partial(_count, name=name))) for name in names
        }
    # A storage may still name a queue that was just emptied.
    return {name: each for name, each in counts.items() if each.total}


async def _count(storage: Storage, *, name: str) -> list[CountRow]:
    return list(await storage.count(name, CountFilter()))
