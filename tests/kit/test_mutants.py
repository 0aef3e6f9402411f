"""The kit is tested by what is broken: a mutant turns exactly what it says red."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from aide_de_camp_conformance import REQUIREMENTS, Outcome
from aide_de_camp_conformance.levels import asked_of, reached
from aide_de_camp_conformance.mutants import MUTANTS, NULLS
from aide_de_camp_conformance.mutants.hunting import faring, hunt

from .ahead import Ahead, line_of
from .real_mutants import MUTANTS as REAL

AT_ONCE = 4
"""Most of a hunt is waiting for what doesn't come, so more run at once than there are cores."""
HEAVY = bool(os.environ.get("ADC_MUTANTS_HEAVY"))
"""Whether every mutant meets the heavy requirements too, and not only those that name them."""


@pytest.fixture(scope="module")
def hunts(request):
    line = line_of(request.session.items, "name", MUTANTS)
    # Spawned, since this process has threads, and a mutant must not see another's traces.
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        yield Ahead(
            pool, line, lambda pool, name: pool.submit(hunt, name, heavy=HEAVY), number=AT_ONCE
        )


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_turns_exactly_these_requirements_red(name, hunts):
    mutant, said = MUTANTS[name], hunts.result(name)
    assert sorted(mutant.kills - said.keys()) == [], mutant.fault
    assert {k: v for k, v in said.items() if k not in mutant.kills} == {}, mutant.fault


def test_every_requirement_is_killed_by_some_mutant():
    alive = REQUIREMENTS.keys() - {each for mutant in MUTANTS.values() for each in mutant.kills}
    # Connections that break need a server: see test_real_mutants.
    alive -= {each for mutant in REAL.values() for each in mutant.must}
    assert sorted(alive) == []


def test_mutants_name_requirements_that_there_are():
    named = {each for mutant in MUTANTS.values() for each in mutant.kills}
    assert sorted(named - REQUIREMENTS.keys()) == []
    assert all(mutant.kills for mutant in MUTANTS.values())


PASSED = {
    "accepts and forgets": 10,
    "always empty": 27,
    "claims everything twice": 65,
    "always raises": 2,
    "hangs": 1,
}
"""How many requirements even these meet, at most: on a busy machine their time may be over."""


@pytest.fixture(scope="module")
def farings():
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        yield Ahead(pool, list(NULLS), lambda pool, name: pool.submit(faring, name), number=AT_ONCE)


@pytest.mark.parametrize("name", NULLS)
def test_a_backend_that_does_as_good_as_nothing_reaches_no_level(name, farings):
    """All of level 1 is asked; one that hangs is found out, and let go of, within the limit."""
    outcomes = farings.result(name)
    assert list(outcomes) == list(asked_of(1))
    fared = [(REQUIREMENTS[each].level, outcome) for each, outcome in outcomes.items()]
    assert reached(fared, asked=1, complete=True) == 0
    assert set(outcomes.values()) <= {Outcome.PASSED, Outcome.FAILED}
    passed = [each for each, outcome in outcomes.items() if outcome is Outcome.PASSED]
    assert len(passed) <= PASSED[name], passed
