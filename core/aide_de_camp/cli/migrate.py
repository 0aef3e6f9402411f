"""``adc migrate``."""

from __future__ import annotations

import asyncio

import click

from aide_de_camp.cli.options import json_option, url_option
from aide_de_camp.cli.output import print_json
from aide_de_camp.plugins import Registry, redact_url


@click.command()
@url_option
@json_option
def migrate(*, url: str, as_json: bool) -> None:
    """Create or upgrade the tables of a storage.

    Safe to repeat, and when several processes do it at once. A queue that is opened does it
    itself, unless the URL says migrate=false.
    """
    found, left = asyncio.run(Registry().storage(url)().migrate())
    where = redact_url(url)
    if as_json:
        print_json({"queue": where, "found": found, "left": left, "changed": found != left})
    elif found != left:
        click.echo(f"{where}: migrated from schema version {found} to {left}.")
    elif left == 0:
        click.echo(f"{where}: this storage has no schema; nothing to do.")
    else:
        click.echo(f"{where}: schema version {left} is up to date; nothing to do.")
