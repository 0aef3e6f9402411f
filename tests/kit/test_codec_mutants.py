"""The kit's part for codecs is tested by what is broken, as that for backends is."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from aide_de_camp_conformance.codec_mutants import CODEC_MUTANTS, NULLS
from aide_de_camp_conformance.codec_mutants.hunting import hunt, turned
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.running import Outcome

from .ahead import Ahead, line_of

AT_ONCE = 2
MATTERS = (
    "ENQ-2.carried",
    "ENQ-2.everything",
    "ENQ-2.mebibyte",
    "ENQ-2.fresh",
    "ENQ-3.field",
    "DEC-4.prefix",
    "DEC-4.surplus",
    "DEC-4.damaged",
    "DEC-4.crossed",
    "DEC-4.wrong_type",
    "DEC-4.missing",
    "DEC-4.unknown",
    "DEC-4.queued",
    "DEC-6.logs",
    "COD-2.threads",
)


@pytest.fixture(scope="module")
def hunts(request):
    line = line_of(request.session.items, "mutant", CODEC_MUTANTS)
    # Spawned, since this process has threads, and a mutant must not see another's traces.
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        yield Ahead(pool, line, lambda pool, name: pool.submit(hunt, name), number=AT_ONCE)


@pytest.mark.parametrize("mutant", CODEC_MUTANTS)
def test_a_mutant_turns_exactly_these_requirements_red(mutant, hunts):
    broken = CODEC_MUTANTS[mutant]
    said = hunts.result(mutant)
    found = frozenset(said)
    unexpected = {each: said[each] for each in found - broken.kills - broken.may}
    assert unexpected == {}, broken.__doc__
    assert broken.kills <= found, broken.__doc__


def test_every_requirement_is_killed_by_some_mutant():
    killed = {each for mutant in CODEC_MUTANTS.values() for each in mutant.kills}
    assert sorted(CODEC_REQUIREMENTS.keys() - killed) == []
    assert sorted(killed - CODEC_REQUIREMENTS.keys()) == []


@pytest.mark.parametrize("null", NULLS)
def test_a_codec_that_does_as_good_as_nothing_passes_nothing_that_matters(null):
    """Who refuses everything keeps silent, too; but no requirement that takes a value is passed."""
    outcomes = {each: result.outcome for each, result in turned(NULLS[null]).items()}
    assert [each for each in MATTERS if outcomes[each] is Outcome.PASSED] == []
    assert Outcome.FAILED in outcomes.values()
