"""Medians, quantiles and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least a share of all don't exceed (nearest rank).

    Args:
        values: one or more.
        share: from 0 to 1.
    """
    ordered = sorted(values)
    rank = -(-share * len(ordered) // 1)
    return ordered[max(0, int(rank) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def better_when_higher(measure: str) -> bool:
    return measure.endswith("_per_s")


def ratio(ours: float, theirs: float, measure: str) -> float | None:
    """Say how many times better ours is; None where theirs is 0 and nothing can be said."""
    above, below = (ours, theirs) if better_when_higher(measure) else (theirs, ours)
    return above / below if below > 0 else None
