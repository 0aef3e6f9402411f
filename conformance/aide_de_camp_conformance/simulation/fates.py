"""What may become of one call to a storage over a network."""

from __future__ import annotations

import random
from typing import Final

from attrs import frozen

from aide_de_camp_conformance.simulation.plan import Plan

_KINDS: Final = ("refused", "lost", "hangs", "slow")
_LONGEST: Final = 0.02
"""Seconds that a message takes at most where all is well."""


@frozen
class Fate:
    """What becomes of one call.

    Attributes:
        word: for the trace; empty where all is well.
        there: seconds until it takes effect, or would.
        back: seconds from then until its caller hears of it.
        arrives: it takes effect.
        answered: its caller gets the answer.
        unknown: where it gets none: whether it can't know if there was an effect.
    """

    word: str
    there: float
    back: float
    arrives: bool = True
    answered: bool = True
    unknown: bool = True


class Fates:
    """Draws fates.

    Args:
        plan: which trouble there is.
        chance: decides.
    """

    def __init__(self, plan: Plan, chance: random.Random) -> None:
        self._plan = plan
        self._chance = chance
        self._kinds = [each for each in _KINDS if each in plan.trouble]

    def fine(self) -> Fate:
        """Give that of a call which goes well."""
        return Fate("", self._short(), self._short())

    def away(self) -> Fate:
        """Draw that of a call to a storage which can't be reached."""
        return self._failed(self._chance.choice(_KINDS[:3]), arrives=False)

    def rough(self) -> Fate:
        """Draw that of a call while calls may fail."""
        chance = self._chance
        if not self._kinds or chance.random() >= self._plan.rate:
            return self.fine()
        kind = chance.choice(self._kinds)
        if kind != "slow":
            return self._failed(kind, arrives=kind != "refused" and chance.random() < 0.6)
        if chance.random() < 0.5:
            return Fate("arrives late", self._long(), self._short())
        return Fate("is answered late", self._short(), self._long())

    def _failed(self, kind: str, *, arrives: bool) -> Fate:
        slow = kind == "hangs"
        if kind == "refused":
            word = "is refused"
        elif arrives:
            word = "loses its reply, slowly" if slow else "loses its reply"
        else:
            word = "hangs" if slow else "is lost"
        back = self._long() if slow else self._short()
        unknown = kind != "refused"
        return Fate(word, self._short(), back, arrives=arrives, answered=False, unknown=unknown)

    def _short(self) -> float:
        return self._chance.uniform(_LONGEST / 40, _LONGEST)

    def _long(self) -> float:
        return self._plan.lease * self._chance.choice((0.02, 0.1, 0.3, 0.3, 1.3))
