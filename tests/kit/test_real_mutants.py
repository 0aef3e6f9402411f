"""Faults in the real backends: the kit finds each by one run, three times of three."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from aide_de_camp_conformance import REQUIREMENTS
from aide_de_camp_conformance.mutants import MUTANTS

from .ahead import Ahead, line_of
from .real_mutants import MUTANTS as REAL
from .real_mutants.hunting import ROOT, announce, hunt, prepare

AT_ONCE = 3
"""Part of a hunt is waiting for what doesn't come, or for a server."""


@pytest.fixture(scope="module")
def urls(servers):
    return {
        "sqlite": lambda: "sqlite:///{folder}/{namespace}.db",
        "postgresql": lambda: f"{servers.postgresql().url()}?schema={{namespace}}",
        "redis": lambda: f"{servers.redis().url()}?prefix={{namespace}}",
    }


@pytest.fixture(scope="module")
def hunts(request, urls, tmp_path_factory):
    line = line_of(request.session.items, "name", REAL)
    folder = tmp_path_factory.mktemp("plugin")
    announce(folder)
    # Spawned, since a mutant breaks the backend for its whole process.
    with ProcessPoolExecutor(
        AT_ONCE,
        mp_context=get_context("spawn"),
        initializer=prepare,
        initargs=([str(ROOT), str(folder)],),
    ) as pool:
        yield Ahead(
            pool,
            line,
            lambda pool, name: pool.submit(hunt, name, urls[REAL[name].scheme]()),
            number=AT_ONCE,
        )


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    # A spawned process looks for what it is to call where this one does.
    monkeypatch.syspath_prepend(ROOT)


@pytest.mark.parametrize("name", REAL)
def test_a_fault_in_a_real_backend_is_found_every_time(name, hunts):
    mutant = REAL[name]
    first, *again = hunts.result(name)
    assert sorted(mutant.must - first.keys()) == [], mutant.fault
    assert {k: v for k, v in first.items() if k not in mutant.must | mutant.may} == {}
    for turn, found in enumerate(again, 2):
        assert sorted(mutant.must - found.keys()) == [], f"{mutant.fault} (time {turn})"


def test_what_they_name_are_requirements():
    named = {each for mutant in REAL.values() for each in mutant.must | mutant.may}
    assert sorted(named - REQUIREMENTS.keys()) == []


def test_what_needs_several_processes_or_a_network_is_killed_by_a_fault_and_not_a_false_claim():
    false = {"ClaimsToBeShared"}
    shipped = {one for each in MUTANTS.values() if each.name not in false for one in each.kills}
    found = {one for each in REAL.values() for one in each.must}
    assert sorted(REQUIREMENTS.keys() - shipped - found) == []
