"""Importing a user's router by its name."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import click

from aide_de_camp.cli.failures import Failure
from aide_de_camp.router import JobRouter


def load_router(name: str) -> JobRouter:
    """Import a router, with the current folder on ``sys.path``.

    Args:
        name: ``package.module:attribute``.

    Raises:
        UsageError: the name isn't of that form.
        Failure: the module can't be imported, has no such attribute, or it is no JobRouter.
    """
    module_name, _, attribute = name.partition(":")
    parts = attribute.split(".")
    if not all(part.isidentifier() for part in (*module_name.split("."), *parts)):
        raise click.UsageError(f"{name!r} isn't of the form module:router, such as app.jobs:router")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found: object = _import(module_name)
    for part in parts:
        try:
            found = getattr(found, part)
        except AttributeError:
            raise Failure(f"module {module_name} has no {attribute}: is it spelt so?") from None
    if not isinstance(found, JobRouter):
        raise Failure(f"{name} is of type {type(found).__name__}, not a JobRouter")
    return found


def _import(name: str) -> object:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if click.get_current_context().meta.get("adc.debug"):
            click.echo(traceback.format_exc(), err=True)
        if isinstance(error, ModuleNotFoundError) and _is_part(error.name, name):
            where = f"no module {error.name} in {Path.cwd()}, nor installed"
            raise Failure(f"{where}: run adc from the folder that holds it") from error
        raise Failure(
            f"module {name} can't be imported: {_line_of(error)}{type(error).__name__}: {error}"
        ) from error


def _is_part(missing: str | None, name: str) -> bool:
    return missing is not None and f"{name}.".startswith(f"{missing}.")


def _line_of(error: BaseException) -> str:
    """Name the user's own line that failed, where there is one."""
    if isinstance(error, SyntaxError):
        return ""  # it names the line itself
    frames = traceback.extract_tb(error.__traceback__)[1:]
    theirs = [frame for frame in frames if not frame.filename.startswith("<") and not _ours(frame)]
    if not theirs:
        return ""
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}: "


def _ours(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).is_relative_to(Path(__file__).parents[1]) or (
        frame.filename == importlib.__file__
    )
