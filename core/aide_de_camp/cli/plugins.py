"""``adc plugins``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from aide_de_camp.cli.options import json_option
from aide_de_camp.cli.output import console, print_json, print_table, table
from aide_de_camp.cli.shapes import plugin_shape
from aide_de_camp.cli.text import one_line
from aide_de_camp.plugins import PluginInfo, PluginStatus, Registry

_FINE: Final = (PluginStatus.OK, PluginStatus.DISABLED)


@click.command()
@click.option("--check", is_flag=True, help="End with 1 if any plugin can't be used.")
@json_option
def plugins(*, check: bool, as_json: bool) -> None:
    """List the storages, codecs and extensions that are installed, and whether each works.

    All of them are imported for it. Capabilities are what a storage may offer at its best
    settings: SHR-1 shared by processes, WAK-1 wakes runners, DUR-1 survives kill -9, DUR-2
    survives a power cut, TXN-1 joins your transactions, MOV-1 moves to and from others.
    """
    found = Registry().plugins()
    if as_json:
        print_json({"plugins": [plugin_shape(each) for each in found]})
    else:
        _print(found)
    if check and any(each.status not in _FINE for each in found):
        raise click.exceptions.Exit(1)


def _print(found: Sequence[PluginInfo]) -> None:
    from rich.text import Text  # noqa: PLC0415 (rich takes a while to import)

    out = console()
    rows = table("KIND", "NAME", "STATUS", "FROM", "SPI", "CAPABILITIES")
    for each in found:
        style = "green" if each.status is PluginStatus.OK else "yellow"
        rows.add_row(
            str(each.kind),
            one_line(each.name),
            Text(str(each.status), style=style),
            one_line(f"{each.distribution or 'the application'} {each.version or ''}"),
            ".".join(map(str, each.spi)) if each.spi else "",
            " ".join(sorted(capability.value for capability in each.capabilities)),
        )
    print_table(out, rows)
    for each in found:
        if each.detail:
            out.print()
            out.print(f"{each.kind} {one_line(each.name)}: {one_line(each.detail)}")
