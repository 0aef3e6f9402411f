"""``adc dead``: list, show, requeue, delete."""

from __future__ import annotations

import asyncio
import re
from uuid import UUID

import pytest

from aide_de_camp import JobState, JobView, Queue, new_job_id
from aide_de_camp.cli.bulk import show_progress
from aide_de_camp.spi import NewJob, Requeue

from .conftest import CANARY, LETTER, Adc, Letter, Within, in_terminal, loaded, schedule_dead


@pytest.fixture
def three(within: Within) -> list[JobView]:
    """Two that failed, and one for a reason of the user's own."""

    async def some(queue: Queue) -> list[JobView]:
        failed = await schedule_dead(queue, 2)
        return [*failed, *await schedule_dead(queue, 1, reason="spam")]

    return within(some)


def states_of(within: Within, jobs: list[JobView]) -> list[JobState]:
    async def look(queue: Queue) -> list[JobState]:
        return [(await queue.get_job(job.id)).state for job in jobs]

    return within(look)


def test_list_and_filters(adc: Adc, three: list[JobView]) -> None:
    def listed(*options: str) -> list[str]:
        return [job["id"] for job in loaded(adc("dead", "list", "--json", *options))["jobs"]]

    ids = [str(job.id) for job in three]
    assert listed() == ids
    assert listed("--newest", "--limit", "1") == ids[2:]
    assert listed("--reason", "spam") == ids[2:]
    assert listed("--type", "other") == []
    shown = adc("dead", "list").stdout
    assert re.search(rf"{ids[2]} +letter +spam +\d+s ago", shown)
    assert "No dead jobs match" in adc("dead", "list", "--type", "other").stdout


def test_a_decode_failure_is_told_without_the_payload(adc: Adc, within: Within) -> None:
    """DEC-2 and DEC-6 by command: class, offset and path; the codec's own words on request."""

    async def undecodable(queue: Queue) -> UUID:
        job = NewJob(new_job_id(), "letter", f'{{"to":5,"{CANARY}":1}}'.encode(), "json")
        await queue.storage.enqueue(queue.name, [job], now=None)
        assert await queue.poll_next(LETTER) is None
        return job.id

    job_id = within(undecodable)

    for words in (("list",), ("list", "--json"), ("show", job_id), ("show", job_id, "--json")):
        result = adc("dead", *words)
        assert result.exit_code == 0
        assert CANARY not in result.output
        assert "DecodeError" in result.stdout
    (job,) = loaded(adc("dead", "show", job_id, "--json", "--detail", "--payload"))["jobs"]
    assert job["reason"] == "decode"
    assert job["error"]["detail"]
    assert CANARY in job["payload"]["data"]
    shown = adc("dead", "show", job_id, "--detail").stdout
    assert job["error"]["detail"].split(":")[0] in shown


def test_an_errors_message_is_listed_only_on_request(adc: Adc, within: Within) -> None:
    """DEC-6: it is the handler's own text, which may quote the payload."""

    async def died(queue: Queue) -> UUID:
        job_id = await queue.schedule(LETTER, Letter(CANARY))
        handle = await queue.poll_next(LETTER)
        assert handle is not None
        await handle.dead_queue(LookupError(f"no address\nfor {CANARY} \x1b[2J" + " far" * 200))
        return job_id

    job_id = within(died)
    listed = adc("dead", "list").stdout
    assert "LookupError" in listed
    assert CANARY not in listed
    for words in (("dead", "list"), ("jobs", "list")):
        (shape,) = loaded(adc(*words, "--json"))["jobs"]
        assert shape["error"]["message"] is None
        assert CANARY not in str(shape)
    (shape,) = loaded(adc("dead", "list", "--messages", "--json"))["jobs"]
    assert CANARY in shape["error"]["message"]
    asked = adc("dead", "list", "--messages").stdout
    assert asked.splitlines()[1].split()[:4] == [str(job_id), "letter", "failed", "LookupError"]
    assert f"\n{job_id}\n  LookupError: no address for {CANARY} \\x1b[2J far" in asked
    assert asked.endswith("far [...]\n")
    assert max(map(len, asked.splitlines())) < 400


def test_show_refuses_what_is_not_dead(adc: Adc, within: Within) -> None:
    job_id = within(lambda queue: queue.schedule(LETTER, Letter("x")))
    result = adc("dead", "show", job_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"adc: error: job {job_id} isn't dead: it is scheduled\n"


def test_requeue_and_delete_by_id(adc: Adc, within: Within, three: list[JobView]) -> None:
    """RET-4 by command."""
    one, two, _ = three

    done = adc("dead", "requeue", one.id, "--json")
    assert done.exit_code == 0
    assert loaded(done)["results"] == [
        {"id": str(one.id), "result": "requeued", "state": "scheduled"}
    ]
    assert adc("dead", "delete", two.id).stdout == f"{two.id}  deleted\n"

    again = adc("dead", "requeue", one.id, two.id)
    assert again.exit_code == 1
    assert again.stdout.splitlines() == [
        f"{one.id}  not changed: it is scheduled",
        f"{two.id}  not found",
    ]
    assert states_of(within, [one, three[2]]) == [JobState.SCHEDULED, JobState.DEAD]


def test_all_that_match_once_agreed(adc: Adc, within: Within, three: list[JobView]) -> None:
    refused = adc("dead", "requeue", "--all", "--reason", "failed")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        "adc: error: Requeue 2 dead jobs with reason failed: give --yes"
    )
    assert states_of(within, three) == [JobState.DEAD] * 3

    done = adc("dead", "requeue", "--all", "--reason", "failed", "--yes", "--json")
    assert loaded(done) == {"count": 2}
    assert states_of(within, three) == [JobState.SCHEDULED, JobState.SCHEDULED, JobState.DEAD]
    assert adc("dead", "delete", "--reason", "spam", "--yes").stdout == "1 dead job deleted.\n"
    assert adc("dead", "delete", "--all").stdout == "0 dead jobs deleted.\n"


def test_all_of_many_is_safe_to_repeat(adc: Adc, within: Within) -> None:
    """P140: each is moved once, in batches, also if it is done in two goes."""

    async def begin(queue: Queue) -> None:
        await schedule_dead(queue, 2_500)
        # As far as a first go got before it was killed.
        page = await queue.dead.list(limit=1_000)
        wanted = [Requeue(job.id, new_job_id()) for job in page.jobs]
        await queue.storage.requeue(queue.name, wanted, now=None)

    within(begin)

    assert loaded(adc("dead", "requeue", "--all", "--yes", "--json")) == {"count": 1_500}
    assert loaded(adc("dead", "requeue", "--all", "--yes", "--json")) == {"count": 0}
    counts = loaded(adc("jobs", "counts", "--json"))
    assert counts["by_state"]["scheduled"] == counts["total"] == 2_500


@pytest.mark.parametrize(
    "words",
    [
        ("dead", "requeue"),
        ("dead", "delete", "--all", str(new_job_id())),
        ("dead", "delete", "--type", "x", str(new_job_id())),
        ("dead", "requeue", "--all", "--reason", "x", str(new_job_id())),
        ("jobs", "cancel"),
        ("jobs", "cancel", "--all", str(new_job_id())),
        ("jobs", "cancel", "--type", "x", str(new_job_id())),
    ],
)
def test_ids_or_all_but_not_both(adc: Adc, words: tuple[str, ...], three: list[JobView]) -> None:
    assert adc(*words).exit_code == 2


@pytest.mark.parametrize("agrees", [False, True])
def test_asking_on_a_terminal(url: str, adc: Adc, three: list[JobView], agrees: bool) -> None:
    words = ["dead", "delete", "--all", "--type", "letter", "--queue", url]
    ended, shown = in_terminal(words, typed="y\n" if agrees else "n\n")
    assert ended == (0 if agrees else 1)
    assert "Delete 3 dead jobs of type letter? [y/N]" in shown
    assert loaded(adc("jobs", "counts", "--json"))["total"] == (0 if agrees else 3)


def test_progress_is_shown_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """P140: whoever acts on many sees how far it got."""
    monkeypatch.setattr("aide_de_camp.cli.bulk._REFRESH_S", 0.001)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    async def act() -> None:
        counted = asyncio.Event()

        async def acting() -> int:
            await counted.wait()
            return 5

        async def count() -> int:
            counted.set()
            return 2

        await show_progress(asyncio.ensure_future(acting()), count, "requeued", 5)

    asyncio.run(act())
    assert capsys.readouterr().err.startswith("\r3 of 5 requeued")
