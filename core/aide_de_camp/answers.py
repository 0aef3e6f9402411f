"""What a storage answers, looked at before it is handed on (clause ERR-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from aide_de_camp.spi import StorageError

R = TypeVar("R")


def one_each(answers: Sequence[R], count: int, what: str) -> Sequence[R]:
    """Check that a storage gave one answer for each item, as its contract says.

    Args:
        answers: what it gave; from a broken one, anything.
        count: of how many items it was told.
        what: what was asked of it, for people to read.

    Returns:
        The answers.

    Raises:
        StorageError: they are more or fewer, or no sequence. What became of the items isn't known.
    """
    if isinstance(answers, Sequence) and len(answers) == count:
        return answers
    got = f"{len(answers):,}" if isinstance(answers, Sequence) else type(answers).__name__
    raise StorageError(
        f"the storage was to {what}, {count:,} in one call, and answered with {got}: what became "
        "of them isn't known; its backend has a fault, so have the conformance kit test it"
    )
