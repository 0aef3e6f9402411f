"""A thousand seeds: whatever happens to runners, clients and storage, the contract holds."""

from __future__ import annotations

import pytest

from aide_de_camp_conformance.simulation import simulate, tell

SEEDS = 1_000
AT_A_TIME = 50


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_the_contract_holds_in_every_run(first):
    jobs = 0
    for seed in range(first, first + AT_A_TIME):
        run = simulate(seed)
        assert run.broken is None, tell(run)
        jobs += run.jobs
    assert jobs > AT_A_TIME  # not all of them idled
