"""How ``adc jobs`` shows what is stored, whatever that is."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from aide_de_camp import (
    JobRequest,
    JobType,
    Queue,
    new_job_id,
)
from aide_de_camp.spi import NewJob

from .conftest import (
    CANARY,
    LETTER,
    Adc,
    Letter,
    Within,
    command,
    in_terminal,
    loaded,
)


def test_show_keeps_the_payload_back_unless_asked(adc: Adc, within: Within) -> None:
    """DEC-6."""
    job_id = within(lambda queue: queue.schedule(LETTER, Letter(CANARY)))

    assert CANARY not in adc("jobs", "show", job_id).output
    assert CANARY not in adc("jobs", "show", job_id, "--json").output
    assert CANARY in adc("jobs", "show", job_id, "--payload").stdout
    (job,) = loaded(adc("jobs", "show", job_id, "--payload", "--json"))["jobs"]
    assert job["payload"]["encoding"] == "utf-8"
    assert json.loads(job["payload"]["data"]) == {"to": CANARY, "text": ""}


def test_show_writes_what_is_no_text_in_base64(adc: Adc, within: Within) -> None:
    async def plant(queue: Queue) -> UUID:
        job = NewJob(new_job_id(), "letter", b"\xff\x00", "json")
        await queue.storage.enqueue(queue.name, [job], now=None)
        return job.id

    job_id = within(plant)

    (job,) = loaded(adc("jobs", "show", job_id, "--payload", "--json"))["jobs"]
    assert job["payload"] == {"encoding": "base64", "data": "/wA="}
    assert "not UTF-8, so in base64" in adc("jobs", "show", job_id, "--payload").stdout


def test_what_was_stored_cannot_steer_the_terminal(adc: Adc, within: Within) -> None:
    """P137: stored text is data, whatever it holds."""
    job_id = within(lambda queue: queue.schedule(LETTER, Letter("x", "\x1b]0;owned\x07 [red]")))

    async def plant(queue: Queue) -> UUID:
        job = NewJob(new_job_id(), "letter", b"\x1b[2J[bold]", "json")
        await queue.storage.enqueue(queue.name, [job], now=None)
        return job.id

    planted = within(plant)
    shown = adc("jobs", "show", job_id, planted, "--payload").stdout
    assert "\x1b" not in shown
    assert "\\x1b[2J[bold]" in shown


def test_show_names_what_is_missing(adc: Adc, within: Within) -> None:
    job_id = within(lambda queue: queue.schedule(LETTER, Letter("x")))
    missing = new_job_id()

    result = adc("jobs", "show", job_id, missing, "--json")

    assert result.exit_code == 1
    assert loaded(result)["missing"] == [str(missing)]
    assert [job["id"] for job in loaded(result)["jobs"]] == [str(job_id)]
    assert re.fullmatch(rf"adc: error: job {missing} isn't in queue .*\n", result.stderr)


def test_bad_rows_are_flagged_and_hide_no_other(adc: Adc, within: Within, tmp_path: Path) -> None:
    """P139: a corrupt payload, an unknown type, codec and state, a broken error: 100 rows."""

    async def hundred(queue: Queue) -> list[UUID]:
        await queue.schedule_many([JobRequest(LETTER, Letter("x")) for _ in range(95)])
        odd = [
            NewJob(new_job_id(), "letter", b"{", "json", priority=9),
            NewJob(new_job_id(), "nobody-knows", b"{}", "json"),
            NewJob(new_job_id(), "letter", b"{}", "brotli"),
            NewJob(new_job_id(), "letter", b'{"to":"x"}', "json"),
            NewJob(new_job_id(), "letter", b"{", "json", priority=8),
        ]
        await queue.storage.enqueue(queue.name, odd, now=None)
        handle = await queue.poll_next(LETTER)
        assert handle is not None
        await handle.release()
        return [job.id for job in odd]

    corrupt, _, codec, state, broken = within(hundred)
    with sqlite3.connect(tmp_path / "jobs.db") as file:
        file.execute("UPDATE adc_job SET state = 9 WHERE id = ?", (state.bytes,))
        file.execute("UPDATE adc_job SET error = '{' WHERE id = ?", (broken.bytes,))
    file.close()

    jobs = loaded(adc("jobs", "list", "--json", "--limit", 100))["jobs"]
    flags = {job["id"]: job["flags"] for job in jobs if job["flags"]}
    assert len(jobs) == 100
    assert flags == {
        str(corrupt): ["decode"],
        str(codec): ["unknown-codec"],
        str(state): ["unknown-state"],
        str(broken): ["decode", "unreadable-error"],
    }
    text = adc("jobs", "list", "--limit", 100).stdout
    assert sum(bool(re.match(r"[0-9a-f-]{36} ", line)) for line in text.splitlines()) == 100
    for flag in ("[decode]", "[unknown codec]", "[unknown state]", "[decode, unreadable error]"):
        assert flag in text
    for job_id in (corrupt, codec, state, broken):
        assert "flags" in adc("jobs", "show", job_id, "--payload", "--detail").stdout
    assert str(broken) in adc("dead", "list").stdout


def test_times_are_utc_and_enqueued_stays(url: str, within: Within) -> None:
    """P141: in UTC+9, after three retries: ISO 8601 with offset, and enqueued_at unchanged."""
    began = datetime.now(UTC)

    async def retried(queue: Queue) -> UUID:
        job_id = await queue.schedule(LETTER, Letter("x"))
        for _ in range(3):
            handle = await queue.poll_next(LETTER)
            assert handle is not None
            await handle.fail(delay=timedelta(0))
        return job_id

    job_id = within(retried)
    view = within(lambda queue: queue.get_job(job_id))

    def told(*options: str) -> str:
        words = command("jobs", "show", job_id, "--queue", url, *options)
        where = {**os.environ, "TZ": "Asia/Tokyo"}
        return subprocess.run(words, env=where, text=True, capture_output=True, check=True).stdout

    job = json.loads(told("--json"))["jobs"][0]
    assert job["retries"] == 3
    for field in ("enqueued_at", "scheduled_at", "started_at"):
        assert job[field] == getattr(view, field).isoformat(timespec="microseconds")
        assert job[field].endswith("+00:00")
    assert began <= datetime.fromisoformat(job["enqueued_at"]) <= datetime.now(UTC)
    assert job["enqueued_at"] < job["scheduled_at"]
    assert job["enqueued_at"] in told()


def test_a_listing_fits_eighty_columns(url: str, within: Within) -> None:
    job_id = within(
        lambda queue: queue.schedule(JobType("a.rather.long.name.of.a.job-type", str), "x")
    )
    code, shown = in_terminal(["jobs", "list", "--queue", url])
    assert code == 0
    assert str(job_id) in shown
    assert max(map(len, shown.splitlines())) <= 80
    start = shown.index("TYPE")
    column = slice(start, shown.index("STATE"))
    cells = [line[column].strip() for line in shown.splitlines()[1:]]
    assert "".join(cells) == "a.rather.long.name.of.a.job-type"


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("jobs", "counts"),
        ("jobs", "show"),
        ("dead", "list", "--messages"),
        ("dead", "show", "--detail"),
        ("queues",),
        ("plugins",),
    ],
)
def test_no_line_in_a_pipe_ends_in_spaces(adc: Adc, within: Within, words: tuple[str, ...]) -> None:
    async def some(queue: Queue) -> UUID:
        await queue.schedule(LETTER, Letter("x"))
        await queue.schedule(JobType("a.rather.long.name", str), "x")
        job_id = await queue.schedule(LETTER, Letter("x"), priority=9)
        handle = await queue.poll_next(LETTER)
        assert handle is not None
        await handle.dead_queue(LookupError("two lines:\n  the second"))
        return job_id

    job_id = within(some)
    result = adc(*words, *([job_id] if "show" in words else []))
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 1
    assert [line for line in result.stdout.splitlines() if line != line.rstrip()] == []
