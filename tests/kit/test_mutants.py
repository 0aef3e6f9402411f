"""The kit is tested by what is broken: a mutant turns exactly what it says red."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from aide_de_camp_conformance import REQUIREMENTS, Outcome, run_requirement
from aide_de_camp_conformance.mutants import MUTANTS, NULLS
from aide_de_camp_conformance.mutants.hunting import hunt

from .ahead import Ahead, line_of
from .real_mutants import MUTANTS as REAL

AT_ONCE = 4
"""Most of a hunt is waiting for what doesn't come, so more run at once than there are cores."""


@pytest.fixture(scope="module")
def hunts(request):
    line = line_of(request.session.items, "name", MUTANTS)
    # Spawned, since this process has threads, and a mutant must not see another's traces.
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        yield Ahead(pool, line, lambda pool, name: pool.submit(hunt, name), number=AT_ONCE)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_turns_exactly_these_requirements_red(name, hunts):
    wanted = sorted(MUTANTS[name].kills)
    # Callers that race may miss each other in one hunt, where the machine has other work.
    found = next(
        (each for each in map(sorted, hunts.results(name, times=3)) if each == wanted), None
    )
    assert found is not None, (MUTANTS[name].fault, sorted(hunts.result(name)), wanted)


def test_every_requirement_is_killed_by_some_mutant():
    alive = REQUIREMENTS.keys() - {each for mutant in MUTANTS.values() for each in mutant.kills}
    # Connections that break need a server: see test_real_mutants.
    alive -= {each for mutant in REAL.values() for each in mutant.must}
    assert sorted(alive) == []


def test_mutants_name_requirements_that_there_are():
    named = {each for mutant in MUTANTS.values() for each in mutant.kills}
    assert sorted(named - REQUIREMENTS.keys()) == []
    assert all(mutant.kills for mutant in MUTANTS.values())


OF_EACH_GROUP = (
    "ENQ-1.durable",
    "PRI-2.priority",
    "CAN-1.cancelled",
    "DEC-1.poll",
    "LEA-1.exclusive",
    "RET-5.completed",
    "LIV-4.claim",
    "KEP-1.kept",
    "OBS-1.states",
    "ERR-1.empty",
)
HANGING = ("CAN-1.cancelled", "ERR-1.empty", "LEA-1.exclusive", "PRI-2.priority")
PASSED = {
    "always empty": {"CAN-1.cancelled", "ENQ-1.durable", "ERR-1.empty"},
    "claims everything twice": {"CAN-1.cancelled", "DEC-1.poll", "ENQ-1.durable", "ERR-1.empty"},
}
"""What even these do right."""


@pytest.mark.parametrize("name", NULLS)
def test_a_backend_that_does_as_good_as_nothing_fails_at_everything_it_can(name):
    """So it reaches no level; and one that hangs is found out, and let go of, within the limit."""
    # Letting go of a queue on one that hangs takes the kit its full patience, so few are asked.
    asked = HANGING if name == "hangs" else OF_EACH_GROUP
    outcomes = {
        each: run_requirement(REQUIREMENTS[each], NULLS[name], time_limit=0.5, patience=0.2).outcome
        for each in asked
    }
    passed = {each for each, outcome in outcomes.items() if outcome is Outcome.PASSED}
    assert sorted(passed) == sorted(PASSED.get(name, set()))
    assert set(outcomes.values()) <= {Outcome.PASSED, Outcome.FAILED}
