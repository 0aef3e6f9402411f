"""Commands that installed distributions add to ``adc``, each loaded when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import metadata
from typing import Final

import click

from aide_de_camp.cli.failures import Failure, OneLineErrors
from aide_de_camp.cli.text import one_line
from aide_de_camp.plugins.hints import DISTRIBUTION, install_command
from aide_de_camp.plugins.registry import DISABLE_VARIABLE
from aide_de_camp.plugins.requirements import extra_for, normalised

GROUP: Final = "aide_de_camp.commands"
"""The entry-point group: the name is the command's, what it points to a click command."""


class AnnouncedCommands(OneLineErrors):
    """A group with its own commands, and those that are announced in :data:`GROUP`.

    Its own win over announced ones of the same name. One that can't be loaded is listed with
    the reason, ends with it when it is called, and is in nobody's way.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands; none is imported."""
        return sorted({*super().list_commands(ctx), *(each.name for each in _announced())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command, importing it if it is announced; None where there is none."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        points = [each for each in _announced() if each.name == cmd_name]
        return _loaded(cmd_name, points) if points else None


def _announced() -> Sequence[metadata.EntryPoint]:
    off = [each.strip() for each in os.environ.get(DISABLE_VARIABLE, "").split(",")]
    # A distribution that is on the path twice announces everything twice.
    found = {(each.name, each.value): each for each in metadata.entry_points(group=GROUP)}
    return [
        each
        for each in found.values()
        if each.name not in off
        and (each.dist is None or normalised(each.dist.name) not in map(normalised, off))
    ]


def _loaded(name: str, points: Sequence[metadata.EntryPoint]) -> click.Command:
    if len(points) > 1:
        places = " and ".join(sorted(map(_where, points)))
        return _unusable(
            name,
            f"is announced by {places}: uninstall one of them, or name its distribution in "
            f"{DISABLE_VARIABLE}",
        )
    (point,) = points
    try:
        command: object = point.load()
    except ModuleNotFoundError as error:
        return _unusable(name, f"of {_where(point)} {_missing(point, error)}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code: told, not raised
        said = f"raised {type(error).__name__} when it was imported: upgrade or uninstall it"
        return _unusable(name, f"of {_where(point)} {said}")
    if not isinstance(command, click.Command):
        return _unusable(name, f"of {_where(point)} is no click command: upgrade or uninstall it")
    return command


def _where(point: metadata.EntryPoint) -> str:
    owner = "an unknown distribution" if point.dist is None else point.dist.name
    version = "" if point.dist is None else f" {point.dist.version}"
    return f"{owner}{version} ({point.value})"


def _missing(point: metadata.EntryPoint, error: ModuleNotFoundError) -> str:
    module = error.name or "a module"
    extra = None if point.dist is None else extra_for(point.dist, point.name, module)
    owner = DISTRIBUTION if point.dist is None else point.dist.name
    remedy = install_command(owner, extra) if extra else "install what provides it"
    return f"needs {module}, which isn't installed: {remedy}"


def _unusable(name: str, why: str) -> click.Command:
    """Stand in for a command that can't be used: it takes anything, and ends with the reason."""
    message = one_line(f"the command {name!r} {why}")

    def end(_words: tuple[str, ...]) -> None:
        raise Failure(message)

    return click.Command(
        name,
        help=message,
        short_help=f"(can't be used: 'adc {name}' says why)",
        callback=end,
        params=[click.Argument(["_words"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
    )
