"""What the machine draws: few values, so that they meet, and the ends of every range."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from attrs import frozen
from hypothesis import strategies as st

from aide_de_camp.spi import (
    LEASE_MIN,
    PRIORITY_MAX,
    PRIORITY_MIN,
    TIME_MAX,
    TIME_MIN,
    ErrorRecord,
    JobState,
    NewJob,
    RetryLimits,
    SettleKind,
)

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
START: Final = 1_767_225_600 * SECOND
"""When every run begins: at the first instant of 2026."""

TYPES: Final = ("a", "b", "A", "ä")
_SHIFTS: Final = (0, -1, 1, -SECOND, SECOND, -HOUR)
_DELAYS: Final = (0, 1, SECOND, 3 * SECOND, 2**62)


@frozen
class Shift:
    """A time that counts from the present of the call."""

    by: int

    def at(self, now: int) -> int:
        """Give the time."""
        return now + self.by


@frozen
class Draft:
    """A job about to be scheduled, but for the present."""

    id: UUID
    job_type: str
    payload: bytes
    priority: int
    when: Shift | int | None
    delay: int
    max_retries: int | None

    def job(self, now: int) -> NewJob:
        """Make the job."""
        return NewJob(
            id=self.id,
            job_type=self.job_type,
            payload=self.payload,
            codec="raw",
            priority=self.priority,
            scheduled_at=self.when.at(now) if isinstance(self.when, Shift) else self.when,
            delay=self.delay,
            max_retries=self.max_retries,
        )


def an_id(number: int) -> UUID:
    """Make an id; of 65,536 different ones some sort otherwise as signed numbers."""
    first, last = divmod(number, 256)
    return UUID(bytes=bytes([first, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, last]))


picks: Final = st.integers(0, 23)
"""Which of the jobs, leases or requests so far, counted from the latest."""
wishes: Final = st.sampled_from(tuple(JobState))
"""In which state a job is to be that something is tried on."""
mostly: Final = st.sampled_from((True, True, True, False))
landmarks: Final = st.sampled_from(("due", "before due", "lease end", "before lease end"))
moves: Final = st.sampled_from((1, SECOND, HOUR, -1, -SECOND, -HOUR))
several_picks: Final = st.lists(picks, min_size=1, max_size=3, unique=True)
ids: Final = st.integers(0, 2**16 - 1).map(an_id)
priorities: Final = st.one_of(
    st.just(0),
    st.sampled_from((0, 0, 1, -1, PRIORITY_MIN, PRIORITY_MAX, PRIORITY_MAX - 1)),
    st.integers(PRIORITY_MIN, PRIORITY_MAX),
)
moments: Final = st.one_of(
    st.sampled_from(_SHIFTS).map(Shift),
    st.sampled_from(_SHIFTS).map(Shift),
    st.none(),
    st.sampled_from((TIME_MIN, TIME_MAX, START)),
)
drafts: Final = st.builds(
    Draft,
    id=ids,
    job_type=st.sampled_from(TYPES),
    payload=st.sampled_from((b"", b"\x00\xff\xfe", b"{}")),
    priority=priorities,
    when=moments,
    delay=st.sampled_from((0, -SECOND, 1, SECOND, 2**62, -(2**62))),
    max_retries=st.sampled_from((None, None, 0, 1)),
)
types: Final = st.one_of(
    st.none(),
    st.none(),
    st.just(()),
    st.lists(st.sampled_from(TYPES), max_size=4, unique=True).map(tuple),
)
leases: Final = st.sampled_from((LEASE_MIN, 3 * SECOND, HOUR))
retry_limits: Final = st.builds(
    RetryLimits,
    default=st.integers(0, 2),
    by_type=st.sampled_from(({}, {"a": 0}, {"b": 1, "A": 3})),
)
kinds: Final = st.sampled_from(tuple(SettleKind))
delays: Final = st.sampled_from(_DELAYS)
reasons: Final = st.sampled_from(("failed", "why"))
errors: Final = st.one_of(
    st.none(),
    st.sampled_from(
        (
            ErrorRecord("E", "m\n\u20ac"),
            ErrorRecord("F", "", traceback="t", detail="d", path="$.a", offset=2),
        )
    ),
)
states: Final = st.one_of(
    st.none(), st.frozensets(st.sampled_from(tuple(JobState)), min_size=1, max_size=3)
)
some_types: Final = st.one_of(
    st.none(), st.frozensets(st.sampled_from(TYPES), min_size=1, max_size=2)
)
some_reasons: Final = st.one_of(st.none(), st.none(), st.just(frozenset({"why", "lease"})))
