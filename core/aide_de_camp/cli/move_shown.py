"""What ``adc move`` shows while it is at it: how far it got, and what it waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from uuid import UUID

import click

from aide_de_camp.cli.text import counted
from aide_de_camp.moving import MoveProgress

_NAMED = 3
"""Jobs that are waited for which are named."""


@contextmanager
def shown(place: str) -> Generator[Callable[[MoveProgress], None]]:
    """Tell on stderr what a move waits for, and on a terminal how far it got.

    Args:
        place: where the jobs are moved from, in words and without a password.

    Yields:
        What is to be told of the move's progress.
    """
    if sys.stderr.isatty():
        with _bar(place) as show:
            yield show
    else:
        yield _Waiting(place, lambda line: click.echo(line, err=True)).tell


class _Waiting:
    """Says once that the move waits, and again where it does so anew."""

    def __init__(self, place: str, say: Callable[[str], None]) -> None:
        self._place = place
        self._say = say
        self._waits = False

    def tell(self, progress: MoveProgress) -> None:
        if progress.waiting and not self._waits:
            self._say(_words(progress.waiting, self._place))
        self._waits = bool(progress.waiting)


def _words(running: tuple[UUID, ...], place: str) -> str:
    named = ", ".join(map(str, running[:_NAMED])) + (", ..." if len(running) > _NAMED else "")
    run = "runs" if len(running) == 1 else "run"
    return (
        f"adc: waiting for {counted(len(running), 'job')} that {run} at {place} to end ({named}); "
        "--leave-running leaves what runs where it is"
    )


@contextmanager
def _bar(place: str) -> Generator[Callable[[MoveProgress], None]]:
    from rich.console import Console  # noqa: PLC0415 (takes a while; `adc --help` needs none)
    from rich.progress import (  # noqa: PLC0415 (as above)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("moving", total=None)
        waiting = _Waiting(place, lambda line: console.print(line, markup=False, highlight=False))

        def show(progress: MoveProgress) -> None:
            waiting.tell(progress)
            running = len(progress.waiting)
            what = f"waiting for {counted(running, 'running job')}" if running else "moving"
            total = max(progress.total, progress.moved)
            bar.update(task, description=what, completed=progress.moved, total=total)

        yield show
