"""Backoff policies: always a legal delay (clauses RET-2, RET-7; scenario P50)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aide_de_camp import ConfigurationError, ConstantBackoff, ExponentialBackoff, LinearBackoff

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_exponential_doubles_up_to_the_cap():
    policy = ExponentialBackoff(base=SECOND, factor=2, cap=timedelta(seconds=10), jitter=False)
    seconds = [policy.delay(n).total_seconds() for n in range(6)]
    assert seconds == pytest.approx([1, 2, 4, 8, 10, 10], abs=1e-5)


def test_full_jitter_spans_from_zero_to_the_delay():
    policy = ExponentialBackoff(base=SECOND, factor=2, cap=HOUR)
    assert policy.delay(3, lambda: 0.0) == timedelta(0)
    assert policy.delay(3, lambda: 0.5).total_seconds() == pytest.approx(4, abs=1e-5)


@pytest.mark.parametrize("factor", [1.0, 2.0, 1e9])
def test_p50_five_thousand_retries_stay_within_zero_and_the_cap(factor):
    policy = ExponentialBackoff(base=SECOND, factor=factor, cap=HOUR)
    for retries in (*range(100), 999, 5_000, 10_000, 10**9):
        assert timedelta(0) <= policy.delay(retries, lambda: 0.999) <= HOUR


def test_linear_grows_by_steps_and_never_overflows():
    policy = LinearBackoff(step=timedelta(seconds=3), cap=timedelta(seconds=7))
    assert [policy.delay(n).total_seconds() for n in range(4)] == [3, 6, 7, 7]
    assert policy.delay(10**15) == timedelta(seconds=7)


def test_constant_is_constant():
    policy = ConstantBackoff(timedelta(0))
    assert {policy.delay(n) for n in (0, 1, 10**9)} == {timedelta(0)}


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExponentialBackoff(base=timedelta(0)),
        lambda: ExponentialBackoff(base=-SECOND),
        lambda: ExponentialBackoff(cap=timedelta(0)),
        lambda: ExponentialBackoff(factor=0.5),
        lambda: ExponentialBackoff(factor=float("nan")),
        lambda: ExponentialBackoff(factor=float("inf")),
        lambda: ExponentialBackoff(cap=timedelta(days=366)),
        lambda: LinearBackoff(step=timedelta(0)),
        lambda: ConstantBackoff(-SECOND),
    ],
)
def test_p50_bad_settings_are_refused_when_they_are_made(make):
    with pytest.raises(ConfigurationError):
        make()
