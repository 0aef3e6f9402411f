"""What a harness says beforehand that its backend doesn't keep, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.suite import REQUIREMENTS


def check_deviations(deviations: Mapping[str, str]) -> None:
    """Refuse a deviation that names no requirement, or gives no reason.

    Raises:
        ValueError: there is one.
    """
    given: Mapping[str, Any] = deviations
    for id_, reason in given.items():
        if id_ not in REQUIREMENTS:
            raise ValueError(f"the deviation {id_!r} names no requirement of this kit")
        if not (isinstance(reason, str) and reason.strip()):
            raise ValueError(f"the deviation {id_} needs a reason")


def judged(result: Result, deviations: Mapping[str, str]) -> Result:
    """Take a declared deviation into account.

    One that doesn't hold becomes a DEVIATION, with its reason before what was found; so does one
    that can't be asked, as it may be elsewhere. One that holds, or isn't asked of such a backend,
    is FAILED: the entry is stale. A broken harness stays an ERROR, since nothing was found out.
    """
    reason = deviations.get(result.requirement.id)
    if reason is None or result.outcome is Outcome.ERROR:
        return result
    if result.outcome in (Outcome.FAILED, Outcome.NOT_ASKED):
        message = f"{reason}\n{result.message}"
        return attrs.evolve(result, outcome=Outcome.DEVIATION, message=message)
    how = "holds" if result.outcome is Outcome.PASSED else "isn't asked of this backend"
    stale = AssertionError(
        f"{result.requirement.id} is listed as a deviation and {how}: take it off the list"
    )
    return attrs.evolve(result, outcome=Outcome.FAILED, error=stale, message=str(stale))
