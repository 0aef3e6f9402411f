"""The smallest history that shows a finding: everything else is left out, and nothing of it."""

from __future__ import annotations

import random

import pytest

from aide_de_camp.spi import SettleKind
from aide_de_camp_conformance.histories import check, minimise, smallest, told

from .writing import Writing, names


@pytest.mark.parametrize("seed", range(20))
def test_what_is_needed_is_kept_and_nothing_else(seed):
    chance = random.Random(seed)
    items = list(range(chance.randint(1, 60)))
    needed = set(chance.sample(items, chance.randint(1, min(5, len(items)))))
    assert minimise(items, lambda part: needed <= set(part)) == sorted(needed)


def test_of_what_shows_in_several_ways_one_is_left():
    def shows(part):
        return {1, 2} <= set(part) or {7} <= set(part)

    kept = minimise(range(10), shows)
    assert shows(kept)
    assert all(not shows([each for each in kept if each != left_out]) for left_out in kept)


def test_what_shows_always_needs_nothing():
    assert minimise([1, 2, 3], lambda part: True) == []


def test_a_finding_is_told_with_its_own_calls_alone():
    history = Writing()
    for number in range(1, 30):
        history.put(number)
        history.claim(number, token=100 + number)
        history.settle(number, 100 + number, SettleKind.COMPLETED)
    history.cancel(7)
    calls = history.calls()
    (finding,) = check(calls).findings
    small = smallest(calls, None, finding)
    assert names(small) == ["settle", "cancel"]
    lines = told(small).splitlines()
    assert [line.split()[3:5] for line in lines] == [
        ["settle", "invoke"],
        ["settle", "ok"],
        ["cancel", "invoke"],
        ["cancel", "ok"],
    ]


def test_times_of_different_clocks_are_told_apart():
    history = Writing()
    history.put(1, clock="one")
    history.put(2, clock="another")
    assert told(history.calls()).endswith("can't be compared)")
