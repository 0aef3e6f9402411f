"""The machine bites: what is broken is found by random steps, as many as CI takes."""

from __future__ import annotations

import pytest

from aide_de_camp_conformance.model import run_model
from aide_de_camp_conformance.mutants import MUTANTS

FOUND = (
    "ClaimNeverReaps",
    "AnybodySettles",
    "ClockGoesBack",
    "DeadWithoutReason",
    "ExpiresEarly",
    "ForgetsRequests",
    "IgnoresPriority",
    "LosesPlaceWithLease",
    "OneTypePerClaim",
    "Overwrites",
    "ReleasesAreRetries",
    "RetriesAtOnce",
    "TopPriorityIsDue",
)


@pytest.mark.parametrize("name", FOUND)
def test_a_mutant_is_found_out(name):
    with pytest.raises(AssertionError):
        run_model(MUTANTS[name].harness(), examples=100, shrink=False)


def test_what_is_found_is_told_as_steps():
    with pytest.raises(AssertionError) as caught:
        run_model(MUTANTS["ClampsPriorities"].harness(), shrink=False)
    told = "\n".join(caught.value.__notes__)
    assert "state.begin(" in told
    assert "priority: expected " in str(caught.value)


def test_a_long_run_prints_the_seed_by_which_it_is_had_again(capsys, monkeypatch):
    monkeypatch.setenv("ADC_MODEL_EXAMPLES", "20")
    monkeypatch.delenv("ADC_MODEL_SEED", raising=False)
    harness = MUTANTS["IgnoresPriority"].harness()
    with pytest.raises(AssertionError) as first:
        run_model(harness, shrink=False)
    seed = capsys.readouterr().out.strip().removeprefix("ADC_MODEL_SEED=")
    monkeypatch.setenv("ADC_MODEL_SEED", seed)
    with pytest.raises(AssertionError) as again:
        run_model(harness, shrink=False)
    assert str(again.value) == str(first.value)
