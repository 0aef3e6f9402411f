"""Leases that were lost for no reason: their holder was alive, and could reach the storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aide_de_camp_conformance.simulation.entry import Entry
from aide_de_camp_conformance.simulation.network import Network
from aide_de_camp_conformance.simulation.plan import Plan
from aide_de_camp_conformance.simulation.verdict import Broken

_LONGEST_REST: Final = 20.0
"""Seconds that a runner rests at most between two tries, and some to spare."""
_LONGEST_SILENCE: Final = 0.6
"""Lengths of a lease within which a heartbeat that can reach the storage extends it."""


class Losses:
    """Judges each lease that is taken back (clauses LEA-5, LIV-4).

    Args:
        time: gives the loop's time.
        network: says who could reach the storage since when.
        plan: says how long a lease is.
        silent: the numbers of home lanes whose runners have said that they leave jobs behind.

    Attributes:
        leapt: when the storage's clock last leapt.
    """

    def __init__(
        self, time: Callable[[], float], network: Network, plan: Plan, silent: set[int]
    ) -> None:
        self._time = time
        self._network = network
        self._plan = plan
        self._silent = silent
        self.leapt = -1.0

    def judge(self, entry: Entry) -> None:
        """Be told of a lease that is about to be taken back.

        Raises:
            Broken: nothing was in its holder's way.
        """
        holder, contact = entry.holder, entry.contact[entry.token]
        if holder is None or holder.dead or holder.number in self._silent:
            return
        heart = holder.heart
        if heart is None or self.leapt >= contact:
            return
        begun = entry.token in entry.begun
        longest = max(self._plan.lease * _LONGEST_SILENCE, _LONGEST_REST)
        since = self._time() - longest
        thread = heart if begun else holder
        stood_still = max(thread.frozen_until, heart.frozen_until) >= since
        if stood_still or self._network.well_since(holder) >= since or contact >= since:
            return
        raise Broken(
            "LEA-5" if begun else "LIV-4",
            f"its lease ran out {'while it ran' if begun else 'before it ever began'}, though "
            f"{holder} was alive and could reach the storage for {longest:.0f} s",
            entry.id,
        )
