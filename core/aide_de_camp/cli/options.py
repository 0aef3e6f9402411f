"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import click

from aide_de_camp.cli.failures import remember_url

F = TypeVar("F", bound=Callable[..., Any])

BY_VARIABLE: Final = '"$ADC_QUEUE"'
"""Stands, in a shell's words, for a queue's URL that can't be shown."""
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS: Final = {"ms": 0.001, None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST: Final = timedelta(days=365)
_TIME_FORMS: Final = "2026-01-31T18:00Z, 2026-01-31T18:00+01:00, -1h or +2d"


class Duration(click.ParamType[timedelta]):
    """A span of time: ``30``, ``500ms``, ``5s``, ``2m``, ``1h``, ``7d``; at most 365 days."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        span = _span(str(value))
        if span is None:
            self.fail(f"{value!r} is no duration: write 500ms, 30s, 2m, 1h or 7d", param, ctx)
        if span > _LONGEST:
            self.fail(f"{value!r} is more than 365 days", param, ctx)
        return span


class Moment(click.ParamType[datetime]):
    """An instant: ISO 8601 with its zone, or so long before or from now: ``-1h``, ``+2d``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        if text.startswith(("+", "-")):
            span = Duration().convert(text[1:], param, ctx)
            return datetime.now(UTC) + (span if text.startswith("+") else -span)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{value!r} is no time: write {_TIME_FORMS}", param, ctx)
        if moment.utcoffset() is None:
            self.fail(f"{value!r} says no time zone: write {_TIME_FORMS}", param, ctx)
        return moment


def _span(text: str) -> timedelta | None:
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    # What is far too long needn't be exact, and must not overflow.
    seconds = min(float(found[1]) * _SECONDS[found[2]], 2 * _LONGEST.total_seconds())
    return timedelta(seconds=seconds)


def queue_options(command: F) -> F:
    """Add ``--queue`` and ``--name``: which queue a command is about."""
    command = click.option(
        "--name",
        default="default",
        show_default=True,
        help="Which of the storage's queues.",
    )(command)
    return url_option(command)


def url_option(command: F) -> F:
    """Add ``--queue``: where the jobs are stored."""
    return click.option(
        "--queue",
        "url",
        metavar="URL",
        envvar="ADC_QUEUE",
        show_envvar=True,
        required=True,
        callback=remember_url,
        help="Where the jobs are stored, such as sqlite:///jobs.db.",
    )(command)


def json_option(command: F) -> F:
    """Add ``--json``: print for programs, in the shapes of :mod:`aide_de_camp.cli.shapes`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def ids_argument(*, required: bool = True) -> Callable[[F], F]:
    """Take any number of job ids."""
    return click.argument(
        "ids",
        metavar="ID..." if required else "[ID...]",
        nargs=-1,
        required=required,
        type=click.UUID,
    )


def page_options(command: F) -> F:
    """Add what chooses one page of a listing."""
    for option in (
        click.option("--newest", is_flag=True, help="The job scheduled last comes first."),
        click.option("--cursor", help="Go on behind the page that gave this cursor."),
        click.option(
            "--limit",
            type=click.IntRange(1, 1000),
            default=50,
            show_default=True,
            help="How many jobs at most.",
        ),
    ):
        command = option(command)
    return command


def type_option(command: F) -> F:
    """Add ``--type``: only jobs of these types."""
    return click.option(
        "--type", "types", metavar="TYPE", multiple=True, help="Only of this type; repeatable."
    )(command)


def reason_option(command: F) -> F:
    """Add ``--reason``: only jobs that died, or were cancelled, for these reasons."""
    return click.option(
        "--reason",
        "reasons",
        metavar="REASON",
        multiple=True,
        help="Only for this reason (failed, timeout, decode, lease or your own); repeatable.",
    )(command)


def time_options(command: F) -> F:
    """Add ``--scheduled-from``, ``-to`` and the same for ``finished``: only jobs of that time."""
    for option, words in (
        ("--finished-to", "Only finished before."),
        ("--finished-from", "Only finished then or later."),
        ("--scheduled-to", "Only due before."),
        ("--scheduled-from", "Only due then or later: 2026-01-31T18:00Z, -1h or +2d."),
    ):
        command = click.option(option, type=Moment(), help=words)(command)
    return command


def all_options(command: F) -> F:
    """Add what chooses the jobs to act on: ids, or all that match, agreed to beforehand."""
    for option in (
        json_option,
        click.option("--yes", is_flag=True, help="Don't ask before acting on all."),
        click.option("--all", "every", is_flag=True, help="All that match, in place of ids."),
        ids_argument(required=False),
        queue_options,
    ):
        command = option(command)
    return command
