"""The simulation is tested by what is broken: each fault is found by one of the first seeds."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from aide_de_camp_conformance.simulation import Broken, simulate, tell

SEEDS = 300


def _planted():
    name = "simulation_planted_faults"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("planted.py"))
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name].PLANTED


@pytest.mark.parametrize("name", _planted())
def test_a_planted_fault_is_found(name):
    fault = _planted()[name]
    with fault.there():
        run = next((run for run in map(simulate, range(SEEDS)) if run.broken), None)
    assert run is not None, f"none of {SEEDS} seeds found {name}"
    assert isinstance(run.broken, Broken), tell(run)
    assert run.broken.clause in fault.clauses, tell(run)
    # It is the fault that was found: the same seed holds without it.
    assert simulate(run.seed).broken is None
