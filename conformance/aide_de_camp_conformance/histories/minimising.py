"""Making a history smaller while it still shows what was found (delta debugging)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from aide_de_camp.spi import JobRecord
from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.checker import check
from aide_de_camp_conformance.histories.finding import Finding

T = TypeVar("T")


def minimise(items: Sequence[T], shows: Callable[[Sequence[T]], bool]) -> list[T]:
    """Find a part of a sequence of which nothing can be left out, one by one.

    Args:
        items: they show it.
        shows: says whether a part of them, in their order, does too. It must be a pure function.

    Returns:
        A part that shows it, and doesn't with any single item left out.
    """
    kept, pieces = list(items), 2
    while len(kept) > 1:
        size = -(-len(kept) // pieces)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if shows(rest):
                kept, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(kept))
    return kept if not (len(kept) == 1 and shows([])) else []


def smallest(
    calls: Sequence[Call],
    final: Mapping[UUID, JobRecord] | None,
    finding: Finding,
    *,
    drained: bool = False,
) -> list[Call]:
    """Give the calls without any one of which a finding isn't there any more.

    A history that says less is one in which less happened, and what was found may then have
    another reason. So calls are left out only if the very same is found, word for word, and the
    ones that are left aren't a proof by themselves: the whole history is.

    Args:
        calls: the whole history.
        final: as the checker was given it.
        finding: what it found.
        drained: as the checker was given it.
    """
    kept = final
    if final is not None and finding.job is not None:
        kept = {job_id: record for job_id, record in final.items() if job_id == finding.job}

    def shows(part: Sequence[Call]) -> bool:
        found = check(part, kept, drained=drained).findings
        return finding in found

    # Most of a history is about other jobs, and goes in one step.
    near = [call for call in calls if call in finding.calls or _names(call, finding.job)]
    return minimise(near if shows(near) else calls, shows)


def _names(call: Call, job_id: UUID | None) -> bool:
    items = [*call.asked.items, *call.taken_back, *(call.told.items if call.told else ())]
    return any(item.id == job_id for item in items)
