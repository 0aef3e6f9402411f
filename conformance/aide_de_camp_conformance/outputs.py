"""The files, beside JSON, that a command of the kit can write its report to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from aide_de_camp_conformance.new_file import NEW_FILE

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """Add ``junit_file``, ``html_file`` and ``badge_file``; each is None where it isn't wanted."""
    for option in (
        click.option("--badge", "badge_file", type=NEW_FILE, help="A badge for shields.io."),
        click.option("--html", "html_file", type=NEW_FILE, help="A page for people."),
        click.option("--junit", "junit_file", type=NEW_FILE, help="XML as JUnit's."),
    ):
        command = option(command)
    return command
