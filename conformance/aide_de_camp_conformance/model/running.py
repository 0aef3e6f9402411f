"""How long the machine runs, and on which draws: the same in CI, others when asked for."""

from __future__ import annotations

import os
import random
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.model.machine import machine_of

EXAMPLES: Final = 30
"""How many runs there are, each on a place of its own."""
STEPS: Final = 30
"""How many steps a run has at most."""
EXAMPLES_VARIABLE: Final = "ADC_MODEL_EXAMPLES"
"""Set it to a number: so many runs, on new draws each time."""
SEED_VARIABLE: Final = "ADC_MODEL_SEED"
"""Set it to a seed that was printed: the same draws once more."""


def run_model(harness: Harness, *, examples: int = EXAMPLES, shrink: bool = True) -> None:
    """Drive what a harness gives beside the model.

    The draws are the same each time, unless the environment asks for a long run by
    ``ADC_MODEL_EXAMPLES`` or for one certain seed by ``ADC_MODEL_SEED``; such a run prints its
    seed.

    Args:
        harness: gives a place per run.
        examples: how many runs; the environment comes before it.
        shrink: whether to look for the fewest steps that show what was found.

    Raises:
        AssertionError: the storage did what the model doesn't, or whatever it raised itself;
            Hypothesis prints the steps that lead there.
    """
    wanted = os.environ.get(EXAMPLES_VARIABLE)
    number = os.environ.get(SEED_VARIABLE)
    at_random = wanted is not None or number is not None
    machine = machine_of(harness)
    if at_random:
        drawn = int(number) if number is not None else random.SystemRandom().randrange(2**32)
        print(f"{SEED_VARIABLE}={drawn}")  # noqa: T201 (it is to be seen when the test failed)
        machine = seed(drawn)(machine)
    phases = [Phase.explicit, Phase.generate]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(wanted) if wanted is not None else examples,
            stateful_step_count=STEPS,
            derandomize=not at_random,
            database=None,
            deadline=None,
            print_blob=True,
            report_multiple_bugs=False,
            phases=[*phases, Phase.shrink] if shrink else phases,
            verbosity=Verbosity.normal,
            # How long a storage takes is no fault of the draws.
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
