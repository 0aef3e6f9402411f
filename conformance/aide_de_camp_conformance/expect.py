"""Assertions whose messages say what was expected and what came."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from aide_de_camp_conformance.unlike import short, unlike

E = TypeVar("E", bound=BaseException)


class OutOfTime(AssertionError):
    """What should happen didn't within the time that was given: it may be wrong, or just slow."""


def same(got: Any, wanted: Any, what: str) -> None:
    """Assert that two values are equal; where they are long, the message says where they differ.

    Args:
        got: what the backend gave.
        wanted: what the contract says.
        what: what the value is, for the message.
    """
    assert got == wanted, f"{what}: expected {short(wanted)}, got {short(got)}{unlike(got, wanted)}"


class Caught(Generic[E]):
    """What :func:`raises` caught."""

    def __init__(self) -> None:
        self._error: E | None = None

    def set(self, error: E) -> None:
        """Keep the error."""
        self._error = error

    @property
    def error(self) -> E:
        """The error that was raised."""
        assert self._error is not None, "nothing was raised yet"
        return self._error


@contextmanager
def raises(kind: type[E], what: str, *, exactly: bool = False) -> Generator[Caught[E]]:
    """Assert that the block raises an error of a kind.

    Args:
        kind: the error's class.
        what: what is done in the block, for the message.
        exactly: True if a subclass won't do.
    """
    caught = Caught[E]()
    try:
        yield caught
    except BaseException as error:
        if not isinstance(error, kind) or (exactly and type(error) is not kind):
            if isinstance(error, AssertionError) or not isinstance(error, Exception):
                raise
            raise AssertionError(
                f"{what}: expected {kind.__name__}, got {type(error).__name__}: {error}"
            ) from error
        caught.set(error)
    else:
        raise AssertionError(f"{what}: expected {kind.__name__}, and nothing was raised")
