"""The unit of the kit: one normative sentence with the code that checks it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import field, frozen

from aide_de_camp.spi import Capability
from aide_de_camp_conformance.asking import Need

if TYPE_CHECKING:
    # The kit is what a check is given, and it runs checks: one of the two must come second.
    from aide_de_camp_conformance.kit import Kit

Check = Callable[["Kit"], Awaitable[None]]
R = TypeVar("R", bound="Requirement")

TIME_LIMIT: Final = 60.0
"""Seconds after which a requirement counts as failed, unless it states its own limit."""
HEAVY_TIME_LIMIT: Final = 180.0
"""The same for a heavy one."""
PATIENCE: Final = 10.0
"""Real seconds that the kit waits for what should happen at once."""
HEAVY_PATIENCE: Final = 60.0
"""The same in a heavy requirement, where it may be hundreds of jobs on a busy machine."""


@frozen
class Requirement:
    """What a backend must do, and how that is found out.

    Attributes:
        id: the clause's id, a dot, and a word; never changes its meaning.
        clause: the clause of the contract, such as ``PRI-2``.
        level: 1 (one caller), 2 (races, leases, crashes) or 3 (a declared capability).
        since: the kit's version that brought it.
        capability: run it only where this is declared.
        also: and only where this is declared too.
        unless: run it only where this is *not* declared: that the call is then refused.
        needs: what it needs besides a storage; where that isn't there it can't be asked.
        heavy: it makes many rounds or waits for real; broken backends are spared it unless
            they say that it catches them, but for a full sweep now and then (``nox -s hunt``).
        time_limit: seconds after which it counts as failed.
        sentence: the normative sentence.
        check: raises AssertionError, or whatever the backend raised, where it doesn't hold.
    """

    id: str
    clause: str
    level: int
    since: str
    capability: Capability | None
    also: Capability | None
    unless: Capability | None
    needs: Need | None
    heavy: bool
    time_limit: float
    sentence: str
    check: Check = field(repr=False, eq=False)

    @property
    def patience(self) -> float:
        """Real seconds that it waits for what should happen at once."""
        return HEAVY_PATIENCE if self.heavy else PATIENCE

    @property
    def wanted(self) -> tuple[Capability, ...]:
        """What must be declared for it to be run."""
        return tuple(each for each in (self.capability, self.also) if each is not None)

    def applies(self, declared: frozenset[Capability]) -> bool:
        """Say whether it is to be run on a storage that declares these capabilities."""
        if self.unless is not None:
            return self.unless not in declared
        return declared.issuperset(self.wanted)


def requirement(
    id: str,  # noqa: A002 (it is what it is called everywhere)
    *,
    level: int,
    clause: str | None = None,
    since: str = "0.1",
    capability: Capability | None = None,
    also: Capability | None = None,
    unless: Capability | None = None,
    needs: Need | None = None,
    heavy: bool = False,
    time_limit: float | None = None,
) -> Callable[[Check], Requirement]:
    """Turn ``async def name(kit: Kit) -> None`` into a requirement; its docstring is the sentence.

    Args:
        id: the requirement's id, ``CLAUSE.word``.
        level: 1, 2 or 3.
        clause: the clause, where it isn't what stands before the id's dot.
        since: the kit's version that brought it.
        capability: run it only where this is declared.
        also: and only where this is declared too.
        unless: run it only where this isn't declared.
        needs: what it needs besides a storage.
        heavy: see :class:`Requirement`.
        time_limit: seconds; None means the usual limit.

    Raises:
        ValueError: the function has no docstring, or the id has no word.
    """

    def make(check: Check) -> Requirement:
        sentence = " ".join((check.__doc__ or "").split())
        stem, dot, word = id.partition(".")
        if not (sentence and dot and word):
            raise ValueError(f"requirement {id!r} needs a docstring, and an id like PRI-2.order")
        usual = HEAVY_TIME_LIMIT if heavy else TIME_LIMIT
        return Requirement(
            id=id,
            clause=clause or stem,
            level=level,
            since=since,
            capability=capability,
            also=also,
            unless=unless,
            needs=needs,
            heavy=heavy,
            time_limit=usual if time_limit is None else time_limit,
            sentence=sentence,
            check=check,
        )

    return make


def collect(modules: Iterable[ModuleType], kind: type[R]) -> Mapping[str, R]:
    """Gather the requirements of some modules, in the order in which they are written.

    Args:
        modules: where they stand.
        kind: which: a backend's, or a codec's.

    Raises:
        ValueError: two have the same id.
    """
    found: dict[str, R] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, kind):
                if value.id in found:
                    raise ValueError(f"two requirements are called {value.id}")
                found[value.id] = value
    return MappingProxyType(found)
