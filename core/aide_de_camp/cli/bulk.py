"""Acting on all jobs that match: asked for first, in steps, with progress, safe to repeat."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from textwrap import shorten
from typing import Final
from uuid import UUID

import click
from attrs import frozen

from aide_de_camp.cli.failures import Failure
from aide_de_camp.cli.looking import looking
from aide_de_camp.cli.output import print_json
from aide_de_camp.cli.text import counted, one_line
from aide_de_camp.queue import Queue

_REFRESH_S: Final = 0.5
_MOST_SHOWN: Final = 300

OnQueue = Callable[[Queue], Awaitable[int]]


@frozen
class Act:
    """What is to be done with all jobs that match.

    Attributes:
        verb: as in ``requeue them``.
        done: as in ``they were requeued``.
        noun: what they are, as in ``dead job``.
        which: which of them, as in ``of type letter``; empty means all.
        count: counts them.
        act: does it; gives to how many.
    """

    verb: str
    done: str
    noun: str
    which: str
    count: OnQueue
    act: OnQueue


def act_on_all(url: str, name: str, act: Act, *, yes: bool, as_json: bool) -> None:
    """Act on all that match, once the user has agreed to their number.

    Raises:
        Failure: the user didn't agree, or can't be asked.
    """

    async def go() -> int:
        async with looking(url, name) as queue:
            total = await act.count(queue)
            if total and not yes:
                which = f" {act.which}" if act.which else ""
                ask(f"{act.verb.capitalize()} {counted(total, act.noun)}{which}?")
            acting = asyncio.ensure_future(act.act(queue))
            await show_progress(acting, lambda: act.count(queue), act.done, total)
            return await acting

    count = asyncio.run(go())
    if as_json:
        print_json({"count": count})
    else:
        click.echo(f"{counted(count, act.noun)} {act.done}.")


def all_that_match(ids: Sequence[UUID], filters: Sequence[str], *, every: bool) -> bool:
    """Say whether all that match are meant, rather than ids.

    Args:
        ids: those given.
        filters: the types and reasons given.
        every: whether ``--all`` was given.

    Raises:
        UsageError: both are meant, or neither.
    """
    if ids and filters:
        raise click.UsageError("Give either ids, or what all of them have in common.")
    if bool(ids) == (every or bool(filters)):
        raise click.UsageError("Give either ids, or --all, or what all of them have in common.")
    return not ids


def words_for(types: Sequence[str], reasons: Sequence[str] = ()) -> str:
    """Say which jobs match: ``of type letter or card with reason failed``."""
    parts = [
        f"{what} {shorten(' or '.join(names), _MOST_SHOWN)}"
        for what, names in (("of type", types), ("with reason", reasons))
        if names
    ]
    return " and ".join(parts)


def ask(question: str) -> None:
    """Have the user agree to something.

    Raises:
        Failure: the user doesn't, or can't be asked.
    """
    if not sys.stdin.isatty():
        raise Failure(f"{question.rstrip('?')}: give --yes to agree, since nobody can be asked")
    if not click.confirm(one_line(question), err=True):
        raise Failure("nothing was changed")


async def show_progress(
    acting: asyncio.Future[int], count: Callable[[], Awaitable[int]], done: str, total: int
) -> None:
    """Say every now and then how far it got, where there is a terminal to say it on.

    Args:
        acting: what is going on.
        count: counts what is left to do.
        done: what is being done, as in ``requeued``.
        total: how many there were at first.
    """
    shown = False
    while not (await asyncio.wait((acting,), timeout=_REFRESH_S))[0]:
        if sys.stderr.isatty():
            shown = True
            left = await count()
            click.echo(f"\r{max(0, total - left):,} of {total:,} {done}", nl=False, err=True)
    if shown:
        click.echo(err=True)
