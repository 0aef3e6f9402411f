"""Printing: JSON for programs, tables for people and for pipes."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import click

from aide_de_camp.plugins import PluginKind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_PIPE_WIDTH: Final = 10_000
"""What goes into a pipe is neither wrapped nor cut."""


def console() -> Console:
    """Make what prints on stdout. No markup is read: what is stored was written by others."""
    from rich.console import Console  # noqa: PLC0415 (takes a while, and `adc --help` needs none)

    made = Console(markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _PIPE_WIDTH
    return made


def print_table(out: Console, rows: Table) -> None:
    """Print a table; what goes into a pipe ends its lines where their words end."""
    if out.is_terminal:
        out.print(rows)
        return
    with out.capture() as printed:
        out.print(rows)
    for line in printed.get().splitlines():
        click.echo(line.rstrip(" "))


def print_indented(out: Console, text: Text) -> None:
    """Print text two columns in; in a pipe without anything behind it."""
    from rich.padding import Padding  # noqa: PLC0415 (as above)

    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 2), expand=False))
        return
    for line in text.plain.split("\n"):
        click.echo(f"  {line}" if line else "")


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """Make a plain table.

    Args:
        columns: the headings.
        right: those whose cells are numbers, set to the right.
        whole: those whose cells must be copyable: never wrapped, never cut.
    """
    from rich.table import Table  # noqa: PLC0415 (as above)

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in whole,
            min_width=36 if name in whole else None,
            overflow="fold",
        )
    return made


def print_json(shape: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(shape, indent=2))


def known_codecs() -> frozenset[str]:
    """Name the codecs that are installed; none is imported."""
    return frozenset(metadata.entry_points(group=PluginKind.CODEC.group).names)
