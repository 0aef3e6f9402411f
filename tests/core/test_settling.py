"""What handlers return (clause RET-6)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from aide_de_camp import Cancel, JobType, Snooze
from aide_de_camp.settling import as_returned
from aide_de_camp.spi import ClaimedJob, SettleKind

JOB = ClaimedJob(
    id=uuid4(),
    job_type="x",
    payload=b"",
    codec="json",
    priority=0,
    scheduled_at=0,
    enqueued_at=0,
    token=1,
    claims=1,
    retries=0,
    snoozes=0,
    max_retries=1,
    lease_until=1,
)


@pytest.mark.parametrize("returned", [Snooze, Cancel])
def test_the_class_itself_is_a_failure_not_a_result(returned):
    outcome = as_returned(JOB, JobType("x", int), returned)
    assert outcome.kind is SettleKind.RETRY
    assert outcome.error is not None
    assert outcome.error.type == "InvalidHandlerResult"


@pytest.mark.parametrize("returned", [None, 0, "a result", {}])
def test_a_result_completes_the_job(returned):
    assert as_returned(JOB, JobType("x", int), returned).kind is SettleKind.COMPLETED
