"""Bad arguments are refused by name, before anything is stored (clauses ENQ-5, PRI-1, ERR-2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from uuid import uuid4

import pytest

from aide_de_camp import InvalidArgument, InvalidPriority, InvalidSchedule
from aide_de_camp.checks import (
    checked_count,
    checked_delay,
    checked_duration,
    checked_id,
    checked_moment,
    checked_new_id,
    checked_priority,
    checked_retries,
    checked_snooze,
)
from aide_de_camp.spi import TIME_MAX, TIME_MIN, to_datetime, to_microseconds

NOW = to_microseconds(datetime(2026, 1, 1, tzinfo=UTC))


class Level(IntEnum):
    URGENT = 127


@pytest.mark.parametrize("value", [-128, -1, 0, 127, Level.URGENT])
def test_legal_priorities(value):
    assert checked_priority(value) == int(value)
    assert type(checked_priority(value)) is int


@pytest.mark.parametrize("value", [128, -129, True, False, 1.0, "1", None, 10**400])
def test_illegal_priorities(value):
    with pytest.raises(InvalidPriority) as refused:
        checked_priority(value)
    assert refused.value.argument == "priority"


def test_the_first_and_the_last_legal_microsecond():
    first = datetime(1, 1, 1, tzinfo=UTC)
    last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert (checked_moment("at", first), checked_moment("at", last)) == (TIME_MIN, TIME_MAX)
    assert (to_datetime(TIME_MIN), to_datetime(TIME_MAX)) == (first, last)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 (that is the point)
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))),
        datetime(1, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
        "2026-01-01T00:00Z",
        0,
    ],
)
def test_instants_that_are_none(value):
    with pytest.raises(InvalidSchedule) as refused:
        checked_moment("at", value)
    assert refused.value.argument == "at"


def test_any_zone_means_the_same_instant():
    berlin = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert checked_moment("at", berlin) == NOW


def test_delays_may_be_negative_but_must_not_leave_time():
    assert checked_delay("delay", timedelta(seconds=-1), NOW) == -1_000_000
    assert checked_delay("delay", timedelta(0), None) == 0
    for value in (timedelta.max, timedelta.min, timedelta(days=365 * 9_000), 3, None):
        with pytest.raises(InvalidSchedule):
            checked_delay("delay", value, NOW)


def test_snoozes_are_zero_or_more():
    assert checked_snooze(timedelta(0)) == 0
    for value in (timedelta(microseconds=-1), timedelta(days=10_001), 5, None):
        with pytest.raises(InvalidSchedule):
            checked_snooze(value)


def test_counts_retries_durations_and_ids():
    assert checked_retries(None) is None
    assert checked_retries(0) == 0
    assert checked_count("limit", 5, least=1, most=5) == 5
    job_id = uuid4()
    assert checked_id(job_id) is job_id
    second = timedelta(seconds=1)
    assert checked_duration("lease", second, least=second) == second
    for refused in (
        lambda: checked_count("limit", 6, least=1, most=5),
        lambda: checked_count("limit", True, least=1, most=5),
        lambda: checked_retries(2**31),
        lambda: checked_duration("lease", timedelta(0), least=second),
        lambda: checked_duration("lease", 1, least=second),
        lambda: checked_id(str(job_id)),
        lambda: checked_new_id(job_id),
        lambda: checked_new_id(str(job_id)),
    ):
        with pytest.raises(InvalidArgument):
            refused()
