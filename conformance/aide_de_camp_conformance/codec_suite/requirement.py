"""The unit of the codecs' part of the kit: one normative sentence with the code that checks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import field, frozen

from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import HEAVY_TIME_LIMIT, Requirement

if TYPE_CHECKING:
    # The kit is what an examination is given; it comes second, as the backends' does.
    from aide_de_camp_conformance.codec_suite.kit import CodecKit

Examine = Callable[["CodecKit"], None]


class NotAsked(Exception):
    """The requirement isn't asked of a codec that declares, or takes, what this one does."""


@frozen
class CodecRequirement(Requirement):
    """What a codec must do, and how that is found out.

    It has all that a backend's requirement has, so that reports can hold both.

    Attributes:
        examine: raises AssertionError, or whatever the codec raised, where it doesn't hold, and
            NotAsked where it says nothing of this codec.
    """

    examine: Examine = field(kw_only=True, repr=False, eq=False)


async def _on_a_backend(kit: Kit) -> None:
    raise TypeError("this requirement is a codec's: run it with run_codec_requirement")


def codec_requirement(
    id: str,  # noqa: A002 (it is what it is called everywhere)
    *,
    level: int = 1,
    since: str = "0.1",
    heavy: bool = False,
) -> Callable[[Examine], CodecRequirement]:
    """Turn ``def name(kit: CodecKit) -> None`` into a requirement; its docstring is the sentence.

    Args:
        id: the requirement's id, ``CLAUSE.word``.
        level: 1 (one caller) or 2 (several threads and processes).
        since: the kit's version that brought it.
        heavy: it starts other processes; broken codecs are spared it unless they say that it
            catches them.

    Raises:
        ValueError: the function has no docstring, or the id has no word.
    """

    def make(examine: Examine) -> CodecRequirement:
        sentence = " ".join((examine.__doc__ or "").split())
        clause, dot, word = id.partition(".")
        if not (sentence and dot and word):
            raise ValueError(f"requirement {id!r} needs a docstring, and an id like ENQ-2.carried")
        return CodecRequirement(
            id=id,
            clause=clause,
            level=level,
            since=since,
            capability=None,
            also=None,
            unless=None,
            needs=None,
            heavy=heavy,
            # No measure of the codec: only one that hangs takes so long.
            time_limit=HEAVY_TIME_LIMIT,
            sentence=sentence,
            check=_on_a_backend,
            examine=examine,
        )

    return make
