"""``adc jobs``: which jobs are listed, counted and cancelled."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

from aide_de_camp import (
    JobState,
    JobType,
    ManualClock,
    Queue,
    new_job_id,
    open_queue,
)

from .conftest import (
    CANARY,
    LETTER,
    Adc,
    Letter,
    Within,
    loaded,
    schedule_dead,
)

JOB_FIELDS = {
    "id", "queue", "type", "state", "priority", "codec", "payload_size", "scheduled_at",
    "enqueued_at", "started_at", "finished_at", "lease_until", "claims", "retries", "snoozes",
    "max_retries", "token", "worker", "reason", "error", "flags",
}  # fmt: skip


def test_a_listing_names_whole_ids_and_no_payload(adc: Adc, within: Within) -> None:
    job_id = within(lambda queue: queue.schedule(LETTER, Letter(CANARY), priority=7))

    shown = adc("jobs", "list")

    assert shown.exit_code == 0
    assert str(job_id) in shown.stdout
    assert re.search(r"letter +scheduled +7 +due", shown.stdout)
    assert CANARY not in shown.output
    (job,) = loaded(adc("jobs", "list", "--json"))["jobs"]
    assert job.keys() == JOB_FIELDS
    assert (job["id"], job["state"], job["flags"]) == (str(job_id), "scheduled", [])
    assert CANARY not in str(job)


def test_a_listing_filters_and_goes_on_by_its_cursor(adc: Adc, within: Within) -> None:
    async def five(queue: Queue) -> list[UUID]:
        ids = [await queue.schedule(LETTER, Letter("x")) for _ in range(4)]
        await queue.cancel_job(ids[1])
        return [*ids, await queue.schedule(JobType("other", str), "x")]

    ids = [str(each) for each in within(five)]

    def listed(*options: str) -> list[str]:
        return [job["id"] for job in loaded(adc("jobs", "list", "--json", *options))["jobs"]]

    first = loaded(adc("jobs", "list", "--json", "--limit", 2))
    assert [job["id"] for job in first["jobs"]] == ids[:2]
    assert listed("--limit", "2", "--cursor", first["cursor"]) == ids[2:4]
    assert listed("--type", "other") == ids[4:]
    assert listed("--state", "cancelled") == [ids[1]]
    assert listed("--state", "cancelled", "--state", "scheduled", "--newest") == ids[::-1]
    assert f"--cursor {ids[1]}" in adc("jobs", "list", "--limit", 2).stdout
    assert "No jobs match" in adc("jobs", "list", "--type", "nothing").stdout
    assert adc("jobs", "list", "--cursor", "nonsense").exit_code == 1
    assert adc("jobs", "list", "--limit", "0").exit_code == 2


def test_a_listing_filters_by_time_and_reason(adc: Adc, within: Within) -> None:
    async def four(queue: Queue) -> list[UUID]:
        ids = [await queue.schedule_in(LETTER, Letter("x"), timedelta(hours=n)) for n in (-2, 0, 2)]
        await queue.cancel_job(ids[0])
        second = await queue.poll_next(LETTER)
        assert second is not None
        await second.cancel("the customer's own\nreason, " + "long " * 50)
        return [*ids, *[job.id for job in await schedule_dead(queue, 1, reason="")]]

    ids = [str(each) for each in within(four)]
    reason = within(lambda queue: queue.get_job(UUID(ids[1]))).reason
    soon = (datetime.now(timezone(timedelta(hours=9))) + timedelta(hours=1)).isoformat()

    def listed(*options: str) -> list[str]:
        return [job["id"] for job in loaded(adc("jobs", "list", "--json", *options))["jobs"]]

    assert listed("--scheduled-from", "-1h") == ids[1:]
    assert listed("--scheduled-to", "-1h") == ids[:1]
    assert listed("--scheduled-from", "-1h", "--scheduled-to", soon) == [ids[1], ids[3]]
    assert listed("--scheduled-from", soon) == ids[2:3]
    assert listed("--scheduled-from", "+1h", "--state", "dead") == []
    assert listed("--finished-from", "-1h") == [ids[0], ids[1], ids[3]]
    assert listed("--finished-to", "-1h") == []
    assert listed("--reason", reason or "") == ids[1:2]
    assert listed("--reason", "") == ids[3:]
    assert listed("--reason", reason or "", "--reason", "") == [ids[1], ids[3]]


def test_what_is_due_and_since_when(adc: Adc, within: Within) -> None:
    async def three(queue: Queue) -> None:
        for hours in (-3.5, 2.5, 60):
            await queue.schedule_in(LETTER, Letter("x"), timedelta(hours=hours))

    within(three)
    lines = adc("jobs", "list").stdout.splitlines()
    assert [line.split("  ")[-1] for line in lines[1:]] == ["due 3h ago", "due in 2h", "due in 2d"]


def test_a_lease_that_expired_is_flagged(adc: Adc, within: Within, url: str) -> None:
    """LEA-2: until a claim takes it back the job is running, whatever the clock says."""

    async def lost_an_hour_ago() -> UUID:
        clock = ManualClock(datetime.now(UTC) - timedelta(hours=1))
        async with open_queue(url, clock=clock) as queue:
            job_id = await queue.schedule(LETTER, Letter("x"))
            assert await queue.poll_next(LETTER, lease=timedelta(minutes=1)) is not None
            return job_id

    lost = asyncio.run(lost_an_hour_ago())
    jobs = loaded(adc("jobs", "list", "--json"))["jobs"]
    assert [(job["id"], job["state"], job["flags"]) for job in jobs] == [
        (str(lost), "running", ["lease-expired"])
    ]
    assert re.search(r"letter \[lease expired\] +running", adc("jobs", "list").stdout)
    shown = adc("jobs", "show", lost).stdout
    assert re.search(r"^flags +lease expired$", shown, re.MULTILINE)
    assert re.search(r"^lease until .* \(expired: the next claim takes ", shown, re.MULTILINE)

    async def taken_back(queue: Queue) -> None:
        assert await queue.poll_next(LETTER, lease=timedelta(days=1)) is not None

    within(taken_back)
    (job,) = loaded(adc("jobs", "list", "--json"))["jobs"]
    assert (job["state"], job["flags"], job["retries"]) == ("running", [], 1)
    assert "expired" not in adc("jobs", "show", lost).stdout


def test_another_queue_of_the_storage(adc: Adc, within: Within) -> None:
    within(lambda queue: queue.schedule(LETTER, Letter("x")))
    assert loaded(adc("jobs", "counts", "--json", "--name", "other"))["total"] == 0


def test_counts(adc: Adc, within: Within) -> None:
    async def some(queue: Queue) -> None:
        for number in range(3):
            job_id = await queue.schedule(LETTER, Letter(str(number)))
        await queue.cancel_job(job_id)
        await queue.schedule(JobType("other", str), "x")

    within(some)

    counts = loaded(adc("jobs", "counts", "--json"))
    assert counts == {
        "queue": "default",
        "total": 4,
        "by_state": {
            "scheduled": 3,
            "running": 0,
            "completed": 0,
            "cancelled": 1,
            "dead": 0,
            "held": 0,
        },
        "by_type": {"letter": {"scheduled": 2, "cancelled": 1}, "other": {"scheduled": 1}},
    }
    lines = adc("jobs", "counts").stdout.splitlines()
    assert lines[1].split() == ["letter", "2", "0", "0", "1", "0"]
    assert lines[-1].split() == ["all", "3", "0", "0", "1", "0"]
    assert loaded(adc("jobs", "counts", "--json", "--type", "other"))["total"] == 1


def test_cancel_says_what_became_of_each(adc: Adc, within: Within) -> None:
    """CAN-1, CAN-2 and CAN-3 by command."""

    async def three(queue: Queue) -> list[UUID]:
        running = await queue.schedule(LETTER, Letter("a"))
        await queue.poll_next(LETTER)
        return [running, await queue.schedule(LETTER, Letter("b")), new_job_id()]

    running, waiting, unknown = within(three)

    result = adc("jobs", "cancel", running, waiting, unknown, "--json")

    assert result.exit_code == 1
    assert loaded(result)["results"] == [
        {"id": str(running), "result": "running", "state": "running"},
        {"id": str(waiting), "result": "cancelled", "state": "cancelled"},
        {"id": str(unknown), "result": "not_found", "state": None},
    ]
    again = adc("jobs", "cancel", running, waiting, unknown)
    assert again.exit_code == 1
    assert [line.split(maxsplit=1)[1] for line in again.stdout.splitlines()] == [
        "already running: it goes on",
        "not changed: it is cancelled",
        "not found",
    ]

    async def states(queue: Queue) -> list[JobState]:
        return [(await queue.get_job(each)).state for each in (running, waiting)]

    assert within(states) == [JobState.RUNNING, JobState.CANCELLED]


def test_cancelling_all_that_was_asked_ends_well(adc: Adc, within: Within) -> None:
    job_id = within(lambda queue: queue.schedule(LETTER, Letter("b")))
    result = adc("jobs", "cancel", job_id)
    assert (result.exit_code, result.stdout) == (0, f"{job_id}  cancelled\n")
    assert adc("jobs", "cancel", "nonsense").exit_code == 2


def test_nothing_is_created_by_looking(adc: Adc, tmp_path: Path) -> None:
    for words in (
        ("jobs", "list"),
        ("jobs", "counts"),
        ("dead", "list"),
        ("dead", "delete", "--all"),
    ):
        result = adc(*words)
        assert result.exit_code == 1
        assert re.fullmatch(r"adc: error: .*jobs\.db doesn't exist .*\n", result.stderr)
    assert list(tmp_path.iterdir()) == []
