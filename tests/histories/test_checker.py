"""The judge is judged: one history for each kind of finding, and beside it the nearest sane one."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import pytest

from aide_de_camp.spi import JobRecord, JobState, SettleKind
from aide_de_camp_conformance.histories import Kind, check

from .writing import Writing

K = SettleKind


def found(history: Writing, *, drained: bool = False) -> set[str]:
    verdict = check(history.calls(), history.final, drained=drained)
    return {str(each.kind) for each in verdict.findings}


# --- one pathological history each, and the nearest that is sane ----------------------------------


def lost():
    bad = Writing()
    bad.put(1)
    bad.final = {}
    live = Writing()
    live.put(1)
    live.ends(1, JobState.SCHEDULED)
    unknown = Writing()
    unknown.put(1, how="unknown")
    unknown.final = {}
    return bad, [live, unknown]


def doubled():
    """Completed twice, the second time under a later token."""
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=10)
        each.settle(1, 10, K.COMPLETED, how="ok" if each is bad else "unknown", at=(20, 30))
        each.claim(1, token=2_000_100, claims=2, at=(40, 50), now=2_000_100)
        each.settle(1, 2_000_100, K.COMPLETED, at=(60, 70))
    repeated = Writing()
    repeated.put(1)
    repeated.claim(1, token=10)
    repeated.settle(1, 10, K.COMPLETED, how="unknown")
    repeated.settle(1, 10, K.COMPLETED)
    return bad, [sane, repeated]


def ended_in_two_ways():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=10)
        each.settle(1, 10, K.RETRY, how="ok" if each is bad else "unknown")
        each.settle(1, 10, K.COMPLETED)
    return bad, [sane]


def unexpected():
    bad = Writing()
    bad.claim(1, token=10)
    unknown = Writing()
    unknown.put(1, how="dies")
    unknown.claim(1, token=10)
    return bad, [unknown]


def unexpected_after_a_refusal():
    bad = Writing()
    bad.put(1, how="fail")
    bad.claim(1, token=10)
    again = Writing()
    again.put(1, how="fail")
    again.put(1, how="unknown")
    again.claim(1, token=10)
    return bad, [again]


def unexpected_before_it_was_scheduled():
    bad = Writing()
    bad.claim(1, token=10, at=(1, 2))
    bad.put(1, at=(3, 4))
    together = Writing()
    together.claim(1, token=10, at=(1, 4))
    together.put(1, at=(3, 6))
    elsewhere = Writing()
    elsewhere.claim(1, token=10, at=(1, 2))
    elsewhere.put(1, at=(3, 4), process="p", clock="another machine's")
    return bad, [together, elsewhere]


def differs():
    bad = Writing()
    bad.put(1, value="3:aa")
    bad.claim(1, token=10, value="3:ab")
    same = Writing()
    same.put(1, value="3:aa")
    same.claim(1, token=10, value="3:aa")
    return bad, [same]


def overlapping():
    """Handed out again a microsecond early, by the storage's own clock."""
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100, now=100, lease_until=1_000_100)
        now = 1_000_099 if each is bad else 1_000_100
        each.claim(1, token=now, now=now, claims=2, at=(50, 60))
    released = Writing()
    released.put(1)
    released.claim(1, token=100, now=100, lease_until=1_000_100)
    released.settle(1, 100, K.RELEASED, how="dies", at=(10, 11))
    released.claim(1, token=200, now=200, claims=2, at=(50, 60))
    return bad, [sane, released]


def overlapping_an_extension():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100, now=100, lease_until=1_000_100, at=(10, 20))
        each.claim(2, token=0, now=900_000, empty=True, at=(30, 40), process="w2")
        how = "ok" if each is bad else "unknown"
        each.extend(1, 100, 1_000_000, how=how, at=(50, 60))
        each.claim(1, token=1_500_000, now=1_500_000, claims=2, at=(70, 80), process="w2")
    return bad, [sane]


def stale():
    bad = Writing()
    bad.put(1)
    bad.claim(1, token=100, now=100, at=(10, 20))
    bad.claim(1, token=2_000_000, now=2_000_000, claims=2, at=(30, 40), process="w2")
    bad.settle(1, 100, K.RETRY, at=(50, 60))
    refused = Writing()
    refused.put(1)
    refused.claim(1, token=100, now=100, at=(10, 20))
    refused.claim(1, token=2_000_000, now=2_000_000, claims=2, at=(30, 40), process="w2")
    refused.settle(1, 100, K.RETRY, answer="lost", at=(50, 60))
    again = Writing()
    again.put(1)
    again.claim(1, token=100, now=100, at=(10, 20))
    again.settle(1, 100, K.RETRY, how="unknown", at=(21, 22))
    again.claim(1, token=2_000_000, now=2_000_000, claims=2, at=(30, 40), process="w2")
    again.settle(1, 100, K.RETRY, at=(50, 60))
    overlapping = Writing()
    overlapping.put(1)
    overlapping.claim(1, token=100, now=100, at=(10, 20))
    overlapping.claim(1, token=2_000_000, now=2_000_000, claims=2, at=(30, 55), process="w2")
    overlapping.settle(1, 100, K.RETRY, at=(50, 60))
    return bad, [refused, again, overlapping]


def baseless():
    bad = Writing()
    bad.put(1)
    bad.claim(1, token=100)
    bad.settle(1, 100, K.COMPLETED, answer="lost", at=(50, 60))
    reaped = Writing()
    reaped.put(1)
    reaped.claim(1, token=100)
    reaped.reap(1, at=(45, 46))
    reaped.settle(1, 100, K.COMPLETED, answer="lost", at=(50, 60))
    somebody = Writing()
    somebody.put(1)
    somebody.claim(1, token=100)
    somebody.claim(0, token=0, how="dies", at=(40, 41), process="w2")
    somebody.settle(1, 100, K.COMPLETED, answer="lost", at=(50, 60))
    return bad, [reaped, somebody]


def token_fell():
    bad = Writing()
    bad.put(1)
    bad.claim(1, token=200, claims=1, at=(10, 20))
    bad.settle(1, 200, K.RELEASED, at=(30, 40))
    bad.claim(1, token=150, claims=2, at=(50, 60))
    grows = Writing()
    grows.put(1)
    grows.claim(1, token=200, claims=1, at=(10, 20))
    grows.settle(1, 200, K.RELEASED, at=(30, 40))
    grows.claim(1, token=201, claims=2, at=(50, 60))
    repeat = Writing()
    repeat.put(1)
    repeat.claim(1, token=200, request=7, at=(10, 20))
    repeat.claim(1, token=200, request=7, at=(50, 60))
    return bad, [grows, repeat]


def cancelled_ran():
    bad = Writing()
    bad.put(1)
    bad.cancel(1, at=(10, 20))
    bad.claim(1, token=100, at=(30, 40))
    unknown = Writing()
    unknown.put(1)
    unknown.cancel(1, how="unknown", at=(10, 20))
    unknown.claim(1, token=100, at=(30, 40))
    refused = Writing()
    refused.put(1)
    refused.cancel(1, how="fail", at=(10, 20))
    refused.claim(1, token=100, at=(30, 40))
    return bad, [unknown, refused]


def cancelled_twice():
    bad = Writing()
    bad.put(1)
    bad.cancel(1, request=1)
    bad.cancel(1, request=2)
    repeated = Writing()
    repeated.put(1)
    repeated.cancel(1, request=1, how="unknown")
    repeated.cancel(1, request=1)
    told = Writing()
    told.put(1)
    told.cancel(1, request=1)
    told.cancel(1, request=2, answer="not_live")
    return bad, [repeated, told]


def both_won():
    """At the same time, so that no clock says which was first: there can't be two."""
    bad = Writing()
    bad.put(1)
    bad.claim(1, token=100, at=(10, 40))
    bad.cancel(1, at=(20, 50))
    told = Writing()
    told.put(1)
    told.claim(1, token=100, at=(10, 40))
    told.cancel(1, answer="running", at=(20, 50))
    back = Writing()
    back.put(1)
    back.claim(1, token=100, at=(10, 20))
    back.settle(1, 100, K.RETRY, how="dies", at=(21, 22))
    back.cancel(1, at=(30, 50))
    reaped = Writing()
    reaped.put(1)
    reaped.claim(1, token=100, at=(10, 20))
    reaped.reap(1, how="dies", at=(21, 22))
    reaped.cancel(1, at=(30, 50))
    return bad, [told, back, reaped]


def both_won_by_completing():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100)
        each.reap(1, how="dies")
        each.settle(1, 100, K.COMPLETED, how="ok" if each is bad else "unknown")
        each.cancel(1)
    return bad, [sane]


def inversion():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1, priority=1)
        each.put(2, priority=5)
        order = (1, 2) if each is bad else (2, 1)
        each.claim(*order, token=100, priorities={1: 1, 2: 5}, limit=2)
    return bad, [sane]


def passed_over():
    def history(**changes):
        each = Writing()
        each.put(1, priority=5, at=changes.get("put", (1, 2)))
        each.put(2, priority=1, at=(3, 4))
        if "trouble" in changes:
            each.claim(0, token=0, how=changes["trouble"], at=(5, 30), process="w2")
        if "broad" in changes:
            broad = changes["broad"]
            each.put(3, priority=9, at=(1, 2))
            how = {"types": broad, "at": (5, 30), "process": "w2"}
            each.claim(3, token=1, priorities={3: 9}, **how)
        if "cancel" in changes:
            each.cancel(1, answer="not_live", at=changes["cancel"])
        clock = changes.get("clock", "c")
        now = changes.get("now", 100)
        each.claim(2, token=100, now=now, at=(10, 20), priorities={2: 1}, process="w3", clock=clock)
        each.claim(1, token=101, at=changes.get("first", (40, 50)), priorities={1: 5})
        return each

    sane = [
        history(put=(1, 11)),  # acknowledged while the claim was under way
        history(first=(15, 50)),  # another claim may have had it
        history(trouble="dies"),  # somebody who died may have held it
        history(trouble="fail"),
        history(broad=("a", "b")),  # a claim that chooses among types may have held it
        history(cancel=(15, 25)),  # a cancellation held it
        history(clock="another machine's"),
        history(now=0),  # it wasn't due by the storage's clock
    ]
    # A claim of one type holds what it takes, and nothing else.
    return history(broad=("b",)), sane


def passed_over_by_an_empty_claim():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(0, token=0, empty=True, types=("a",) if each is bad else ("b",), at=(20, 30))
        each.ends(1, JobState.SCHEDULED)
    return bad, [sane]


def contradicted():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100)
        each.settle(1, 100, K.COMPLETED, how="ok" if each is bad else "unknown")
        each.ends(1, JobState.RUNNING, token=100, claims=1)
    return bad, [sane]


def contradicted_by_an_end_of_nobodys():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100)
        if each is sane:
            each.settle(1, 100, K.COMPLETED, how="dies")
        each.ends(1, JobState.COMPLETED, token=100, claims=1)
    return bad, [sane]


def contradicted_by_a_refusal_that_counted():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100)
        each.settle(1, 100, K.COMPLETED, how="unknown", at=(30, 31))
        each.settle(1, 100, K.COMPLETED, answer="lost" if each is bad else "applied", at=(40, 41))
        each.ends(1, JobState.COMPLETED, token=100, claims=1)
    return bad, [sane]


def contradicted_by_a_death_too_soon():
    bad, sane = Writing(), Writing()
    for each in (bad, sane):
        each.put(1)
        each.claim(1, token=100, retries=0 if each is bad else 3, max_retries=3)
        each.reap(1, state="dead")
        each.ends(1, JobState.DEAD, token=101, claims=1, reason="lease")
    return bad, [sane]


def unaccounted():
    def history(how=None, **changes):
        each = Writing()
        each.put(1)
        each.claim(1, token=100)
        each.settle(1, 100, changes.get("kind", K.DEAD))
        if how == "delete":
            each.delete(1, how=changes.get("outcome", "ok"))
        if how == "prune":
            each.prune(changes["number"])
        each.final = {}
        return each

    sane = [
        history("delete"),
        history("delete", outcome="dies"),
        history("prune", kind=K.COMPLETED, number=1),
    ]
    return history(), sane


def unaccounted_for_by_the_prunings():
    def history(kind, number):
        each = Writing()
        each.put(1)
        each.claim(1, token=100)
        each.settle(1, 100, kind)
        each.prune(number)
        each.final = {}
        return each

    return history(K.COMPLETED, 0), [history(K.COMPLETED, 1)]


PAIRS = {
    lost: Kind.LOST,
    doubled: Kind.DOUBLED,
    ended_in_two_ways: Kind.DOUBLED,
    unexpected: Kind.UNEXPECTED,
    unexpected_after_a_refusal: Kind.UNEXPECTED,
    unexpected_before_it_was_scheduled: Kind.UNEXPECTED,
    differs: Kind.DIFFERS,
    overlapping: Kind.OVERLAP,
    overlapping_an_extension: Kind.OVERLAP,
    stale: Kind.STALE,
    baseless: Kind.BASELESS,
    token_fell: Kind.TOKEN,
    cancelled_ran: Kind.CANCELLED_RAN,
    cancelled_twice: Kind.CANCELLED_TWICE,
    both_won: Kind.BOTH_WON,
    both_won_by_completing: Kind.BOTH_WON,
    inversion: Kind.INVERSION,
    passed_over: Kind.PASSED_OVER,
    passed_over_by_an_empty_claim: Kind.PASSED_OVER,
    contradicted: Kind.CONTRADICTED,
    contradicted_by_an_end_of_nobodys: Kind.CONTRADICTED,
    contradicted_by_a_refusal_that_counted: Kind.CONTRADICTED,
    contradicted_by_a_death_too_soon: Kind.CONTRADICTED,
    unaccounted: Kind.UNACCOUNTED,
    unaccounted_for_by_the_prunings: Kind.UNACCOUNTED,
}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__)
def test_what_can_not_have_been_right_is_found(pair):
    bad, _ = pair()
    assert PAIRS[pair] in found(bad)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__)
def test_the_nearest_that_can_have_been_right_is_not_complained_of(pair):
    _, sane = pair()
    assert sane
    for each in sane:
        assert found(each) == set()


def test_every_kind_of_finding_has_its_pair():
    assert set(PAIRS.values()) == set(Kind)


@pytest.mark.parametrize("state", [JobState.SCHEDULED, JobState.RUNNING])
def test_what_is_live_after_a_drain_is_lost(state):
    history = Writing()
    history.put(1)
    history.claim(1, token=100)
    history.ends(1, state, token=100, claims=1)
    assert found(history, drained=True) == {Kind.LOST}
    assert found(history) == set()


def test_what_was_scheduled_again_under_its_id_after_it_was_deleted_has_another_life():
    history = Writing()
    history.put(1)
    history.claim(1, token=100, at=(10, 11))
    history.settle(1, 100, K.DEAD, at=(20, 21))
    history.delete(1)
    history.put(1, at=(60, 61))
    history.claim(1, token=99, at=(70, 71), claims=1)
    history.settle(1, 99, K.COMPLETED, at=(80, 81))
    history.ends(1, JobState.COMPLETED, token=99, claims=1)
    assert found(history) == set()


def test_how_often_a_claim_was_held_against_a_job_is_counted():
    history = Writing()
    history.put(1, priority=5)
    history.put(2, priority=1)
    history.claim(1, token=100, at=(20, 30), priorities={1: 5})
    history.claim(2, token=101, at=(40, 50), priorities={2: 1})
    verdict = check(history.calls())
    assert verdict.judged == 1
    assert verdict.findings == ()
    assert verdict.jobs == 2


def test_nothing_is_found_in_nothing():
    empty: Mapping[UUID, JobRecord] = {}
    assert check([], empty).findings == ()
