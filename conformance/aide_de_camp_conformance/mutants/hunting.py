"""Running the kit against a mutant, to see what turns red."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest import mock

from aide_de_camp_conformance.mutants import MUTANTS
from aide_de_camp_conformance.mutants.mutant import Mutant
from aide_de_camp_conformance.running import Outcome, run_requirement
from aide_de_camp_conformance.suite import REQUIREMENTS

_HURRIED: Final = {
    "aide_de_camp.session._PAUSES": (0.0, 0.0),
    "aide_de_camp.runner.runner._FORCED_GRACE": 0.05,
    "aide_de_camp.runner.slots._STOP_GRACE": 0.2,
}
"""How long the core waits in real time for what can't be hurried by a clock."""


@contextmanager
def hurried() -> Iterator[None]:
    """Have the core wait less, in real time, while the block runs."""
    with ExitStack() as stack:
        for target, value in _HURRIED.items():
            stack.enter_context(mock.patch(target, value))
        yield


def killed(mutant: Mutant, *, patience: float = 1.5) -> frozenset[str]:
    """Run the requirements against a mutant.

    Those that are heavy are run only where the mutant declares that they catch it.

    Args:
        mutant: what is broken.
        patience: real seconds to wait for what should happen at once.

    Returns:
        The ids of those that turned red.
    """
    harness = mutant.harness()
    red: set[str] = set()
    with hurried(), mutant.applied():
        for requirement in REQUIREMENTS.values():
            if requirement.heavy and requirement.id not in mutant.kills:
                continue
            result = run_requirement(requirement, harness, time_limit=10, patience=patience)
            if result.outcome in (Outcome.FAILED, Outcome.ERROR):
                red.add(requirement.id)
    return frozenset(red)


def hunt(name: str) -> frozenset[str]:
    """Run the requirements against the mutant of a name, in a process that does nothing else.

    It stands here, where a process that is spawned can import it.

    Returns:
        As :func:`killed`.
    """
    # What a broken runner says of its trade is nothing to anybody.
    logger = logging.getLogger("aide_de_camp")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return killed(MUTANTS[name])
