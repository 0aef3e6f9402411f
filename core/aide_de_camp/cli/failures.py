"""How a command fails: one line on stderr, no traceback unless asked for, no secret in either."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import click

from aide_de_camp.cli.text import one_line
from aide_de_camp.plugins.urls import redact_url, scrub
from aide_de_camp.spi import AideDeCampError, StorageUnavailable

U = TypeVar("U", bound=str | None)

INTERRUPTED: Final = 130
"""The exit code of a command that SIGINT ended, or that a second signal forced to stop."""


class Failure(click.ClickException):
    """What ends a command, said in one line.

    Args:
        message: what went wrong and what to do.
    """

    def show(self, file: Any = None) -> None:
        """Say it on stderr."""
        click.echo(f"adc: error: {one_line(self.message)}", file=file, err=True)


def remember_url(context: click.Context, _: click.Parameter, url: U) -> U:
    """Note each URL that a command was given, so that its secrets can be kept out of errors."""
    if url:
        context.meta.setdefault("adc.urls", []).append(url)
    return url


class OneLineErrors(click.Group):
    """A group whose commands may raise anything."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever it raises ends as one line and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            click.echo("adc: interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has gone: click ends quietly
            urls: list[str] = ctx.meta.get("adc.urls", [])
            if ctx.meta.get("adc.debug"):
                click.echo(_scrubbed(traceback.format_exc(), urls), err=True)
            raise Failure(_scrubbed(_said(error, urls), urls)) from error


def _said(error: Exception, urls: Sequence[str]) -> str:
    if isinstance(error, StorageUnavailable) and len(urls) == 1:
        return f"{redact_url(urls[0])}: {error}"
    if isinstance(error, (AideDeCampError, OSError)):
        return str(error)
    # Nobody knows what the words of any other exception hold (clause DEC-6).
    return f"an unexpected {type(error).__name__}: run 'adc --debug ...' for its traceback"


def _scrubbed(text: str, urls: Sequence[str]) -> str:
    for url in urls:
        text = scrub(text, url)
    return text
