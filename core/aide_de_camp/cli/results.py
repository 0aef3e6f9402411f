"""What became of each job that a command was to change."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import click
from attrs import frozen

from aide_de_camp.cli.output import print_json
from aide_de_camp.spi import JobState


@frozen
class ItemResult:
    """What became of one.

    Attributes:
        id: the job's.
        result: a word for it, as in :mod:`aide_de_camp.cli.shapes`.
        state: the job's state; None where no record is kept.
        done: whether what was asked for was done.
    """

    id: UUID
    result: str
    state: JobState | None
    done: bool = False


def print_results(results: Sequence[ItemResult], *, as_json: bool) -> None:
    """Print them; ends the command with 1 unless all was done."""
    if as_json:
        print_json({"results": [_shape(each) for each in results]})
    else:
        for each in results:
            click.echo(f"{each.id}  {_words(each)}")
    if not all(each.done for each in results):
        raise click.exceptions.Exit(1)


def _shape(result: ItemResult) -> dict[str, str | None]:
    state = None if result.state is None else str(result.state)
    return {"id": str(result.id), "result": result.result, "state": state}


def _words(result: ItemResult) -> str:
    if result.done:
        return result.result
    if result.result == "running":
        return "already running: it goes on"
    return "not found" if result.state is None else f"not changed: it is {result.state}"
