"""Running the kit against a mutant, to see what turns red."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest import mock

from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.levels import asked_of
from aide_de_camp_conformance.mutants import MUTANTS, NULLS
from aide_de_camp_conformance.mutants.mutant import Mutant
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.running import Outcome, run_requirement
from aide_de_camp_conformance.suite import REQUIREMENTS

_HURRIED: Final = {
    "aide_de_camp.session._PAUSES": (0.0, 0.0),
    "aide_de_camp.runner.runner._FORCED_GRACE": 0.05,
    "aide_de_camp.runner.slots._STOP_GRACE": 0.2,
}
"""How long the core waits in real time for what can't be hurried by a clock."""


_TIME: Final = 10.0
"""Seconds that a requirement has against a memory backend, at first."""
_NULLS_TIME: Final = 1.0
"""Seconds that one that does as good as nothing has for a requirement."""
_HANGING: Final = {"aide_de_camp_conformance.running.CLOSING": 0.05}
_HANGING_TIME: Final = 0.1
"""The same for one that hangs: however long it has, it comes to nothing."""


@contextmanager
def hurried() -> Iterator[None]:
    """Have the core wait less, in real time, while the block runs."""
    with _patched(_HURRIED):
        yield


@contextmanager
def _patched(values: Mapping[str, object]) -> Iterator[None]:
    with ExitStack() as stack:
        for target, value in values.items():
            stack.enter_context(mock.patch(target, value))
        yield


def asked(
    requirement: Requirement,
    harness: Harness,
    *,
    patience: float,
    expected: bool,
    time_limit: float | None = None,
) -> str | None:
    """Run one requirement against something broken.

    One that runs out of a short patience, and isn't expected to turn red, is asked once more with
    all the time that it has by rights: on a busy machine it may be slow, which is no fault.

    Args:
        requirement: what to check.
        harness: gives what is broken.
        patience: real seconds to wait for what should happen at once.
        expected: whether the fault is said to turn it red.
        time_limit: seconds; None takes the requirement's own.

    Returns:
        What it said when it turned red; None where it didn't.
    """
    result = run_requirement(requirement, harness, time_limit=time_limit, patience=patience)
    if result.out_of_time and not expected:
        result = run_requirement(requirement, harness)
    if result.outcome not in (Outcome.FAILED, Outcome.ERROR):
        return None
    return f"{type(result.error).__name__}: {result.error}"


def killed(mutant: Mutant, *, patience: float = 1.5, heavy: bool = False) -> Mapping[str, str]:
    """Run the requirements against a mutant.

    Those that are heavy are run only where the mutant declares that they catch it, unless they are
    asked for.

    Args:
        mutant: what is broken.
        patience: real seconds to wait for what should happen at once.
        heavy: whether to run those that are heavy all the same.

    Returns:
        By the ids of those that turned red, what they said.
    """
    harness = mutant.harness()
    red: dict[str, str] = {}
    with hurried(), mutant.applied():
        for requirement in REQUIREMENTS.values():
            expected = requirement.id in mutant.kills
            if requirement.heavy and not expected and not heavy:
                continue
            said = asked(
                requirement, harness, patience=patience, expected=expected, time_limit=_TIME
            )
            if said is not None:
                red[requirement.id] = said
    return red


def hunt(name: str, *, heavy: bool = False) -> Mapping[str, str]:
    """Run the requirements against the mutant of a name, in a process that does nothing else.

    It stands here, where a process that is spawned can import it.

    Args:
        name: the mutant's.
        heavy: as :func:`killed` takes it.

    Returns:
        As :func:`killed`.
    """
    _silence()
    return killed(MUTANTS[name], heavy=heavy)


def faring(name: str) -> Mapping[str, Outcome]:
    """Ask a backend that does as good as nothing for all of level 1, in such a process.

    Args:
        name: what it does, of :data:`NULLS`.

    Returns:
        By the requirements' ids, how each fared.
    """
    _silence()
    hangs = name == "hangs"
    limit = _HANGING_TIME if hangs else _NULLS_TIME
    with hurried(), _patched(_HANGING if hangs else {}):
        return {
            each: run_requirement(
                REQUIREMENTS[each], NULLS[name], time_limit=limit, patience=limit / 5
            ).outcome
            for each in asked_of(1)
        }


def _silence() -> None:
    """Have what a broken runner says of its trade be told to nobody."""
    logger = logging.getLogger("aide_de_camp")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
