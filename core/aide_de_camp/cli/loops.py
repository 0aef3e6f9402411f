"""Which event loop a worker runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Final

import click

from aide_de_camp.plugins.hints import install_command

AUTO: Final = "auto"
UVLOOP: Final = "uvloop"
LOOPS: Final = (AUTO, "asyncio", UVLOOP)


def run_on(loop: str, main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end.

    Args:
        loop: one of ``LOOPS``; ``auto`` takes uvloop where it is installed.
        main: what to run.

    Raises:
        click.UsageError: uvloop was asked for by name and isn't installed.
    """
    try:
        factory = _factory(loop)
    except BaseException:
        main.close()
        raise
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def _factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if loop not in (AUTO, UVLOOP):
        return asyncio.SelectorEventLoop
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module(UVLOOP).new_event_loop
    except ImportError as error:
        if loop == AUTO:
            return None
        command = install_command("aide-de-camp", UVLOOP)
        raise click.UsageError(f"uvloop can't be imported ({error}): {command}") from error
    return factory
