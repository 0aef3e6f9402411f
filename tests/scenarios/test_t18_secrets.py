"""Peers' reports about secrets in logs and stored traces.

Left out: P132, a flag that has a payload dropped once its job is final: there is none, but what is
pruned is gone. Of P134 the redacted fields: there are none, so the bytes as such are looked at.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from aide_de_camp import (
    AideDeCampError,
    EncodeError,
    InvalidArgument,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    StorageUnavailable,
    open_queue,
)

from .conftest import Run
from .secret_paths import LOGIN, SECRET, Login, every_path, login
from .support import (
    AT_ONCE,
    Ear,
    all_jobs,
    listening,
    store_raw,
)


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every record of every logger, asyncio's and the drivers' too."""
    with caplog.at_level(1):
        yield caplog


def written(log: pytest.LogCaptureFixture) -> list[str]:
    """All that a record could show: message, arguments, extras and traceback."""
    formatter = logging.Formatter()
    return [f"{formatter.format(record)} {record.__dict__}" for record in log.records]


def whole(error: BaseException) -> str:
    """An error as a log or an error reporter shows it, causes and local names left out."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))


# --- P131: one redaction for all paths -----------------------------------------------------------


@pytest.mark.parametrize("debug", [False, True], ids=["plain", "asyncio debug"])
def test_p131_no_record_and_no_event_shows_a_payload(
    queue_url: str,
    run: Run,
    everything: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    debug: bool,
) -> None:
    """DEC-6: at every level, with hooks attached; what a handler raised included."""
    ear: Ear

    async def scenario() -> None:
        nonlocal ear
        asyncio.get_running_loop().set_debug(debug)
        asyncio.get_running_loop().slow_callback_duration = 0.0 if debug else 10.0
        registry, ear = listening()
        clock = ManualClock()
        codecs = ("json", "msgpack", "pydantic")
        async with open_queue(queue_url, clock=clock, registry=registry, codecs=codecs) as queue:
            total = await every_path(queue, clock, monkeypatch)
            assert (await queue.count_jobs()).total == total

    run(scenario())
    ours = [line for line in written(everything) if SECRET in line]
    assert ours == []
    assert len({record.levelname for record in everything.records}) >= 3
    assert debug == any("Executing" in line for line in written(everything))
    for event in ear.events:
        # The reason that a handler gave for a Cancel is its own word, kept for people to read.
        if event.kind != "cancelled":
            assert SECRET not in repr(event)


def test_p131_a_report_shows_payload_content_only_on_request(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DEC-6: views and pages as they print; of decode failures the message too."""

    async def scenario() -> None:
        clock = ManualClock()
        codecs = ("json", "msgpack", "pydantic")
        async with open_queue(queue_url, clock=clock, codecs=codecs) as queue:
            await every_path(queue, clock, monkeypatch)
            own = {"fails", "fails_sync", "cancels", "by_hand", "slow"}
            dead = 0
            for listed in await all_jobs(queue):
                job = await queue.get_job(listed.id)
                assert listed.payload is None
                if job.job_type in own:  # what a handler says is its own to say
                    continue
                assert SECRET not in repr(job)
                assert SECRET not in repr(listed)
                if job.reason == "decode":
                    dead += 1
                    assert job.error is not None
                    assert SECRET not in f"{job.error.message} {job.error.path} {job.error.type}"
                    assert job.error.traceback is None
            assert dead == 24

    run(scenario())


def test_p131_no_error_that_a_caller_gets_shows_a_payload(queue_url: str, run: Run) -> None:
    """DEC-6, ERR-1: message, attributes, notes and the whole chain of causes."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock(), payload_limit=1_000) as queue:
            wrong: list[Any] = [
                Login("ann", b"hunter2-s3cr3t"),  # type: ignore[arg-type]
                Login("ann", SECRET, {SECRET: 1}),  # type: ignore[dict-item]
                Login("ann", SECRET, {1: SECRET}),  # type: ignore[dict-item]
                Login("ann", SECRET + "\ud800"),
                Login("ann", SECRET * 100),
                {SECRET: SECRET},
                SECRET,
                [SECRET],
                object(),
            ]
            for payload in wrong:
                for call in (
                    queue.schedule(LOGIN, payload),
                    queue.schedule_many([JobRequest(LOGIN, payload)]),
                ):
                    with pytest.raises(AideDeCampError) as raised:
                        await call
                    assert SECRET not in whole(raised.value)
            numbers = JobType("numbers", dict[str, float])
            with pytest.raises(EncodeError) as refused:
                await queue.schedule(numbers, {SECRET: float("nan")})
            assert SECRET not in whole(refused.value)
            for data in (b'{"' + SECRET.encode() + b'":"' + SECRET.encode() + b'"}', b"hunter2-"):
                for codec in ("json", "msgpack", "unknown"):
                    job_id = await store_raw(queue, data, job_type="login", codec=codec)
                    with pytest.raises(AideDeCampError) as raised:
                        await queue.unschedule_job(job_id, LOGIN)
                    shown = f"{raised.value}{raised.value!r}" + "".join(
                        traceback.format_exception(raised.value)
                    )
                    assert SECRET not in shown
            with pytest.raises(InvalidArgument) as bad:
                await queue.schedule(LOGIN, login(), priority=SECRET)  # type: ignore[arg-type]
            assert SECRET not in whole(bad.value)

    run(scenario())


def test_p131_what_is_passed_around_prints_no_payload(queue_url: str, run: Run) -> None:
    """Requests, handles, contexts and attempts, as a debugger or an error reporter prints them."""

    async def scenario() -> None:
        router, printed = JobRouter(), list[str]()

        @router.job("login")
        async def handler(payload: Login, job: JobContext) -> None:
            printed.append(repr(job) + repr(job.token))

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            request = JobRequest(LOGIN, login())
            printed.append(repr(request))
            await queue.schedule_many([request, request])
            handle = await queue.poll_next(LOGIN)
            assert handle is not None
            printed += [repr(handle), repr(handle._claimed), repr(queue), repr(queue.dead)]
            await handle.complete()
            await JobRunner(queue, router).drain()
        assert len(printed) == 6
        assert SECRET not in " ".join(printed)

    run(scenario())


# --- P133: big payloads --------------------------------------------------------------------------


class Unprintable(str):
    """A string that may not be printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("printed")

    __str__ = __repr__


@attrs.frozen
class Big:
    """A payload whose repr is never needed."""

    items: list[int]
    text: str

    def __repr__(self) -> str:
        raise AssertionError("printed")


def test_p133_a_big_payload_is_never_printed(
    queue_url: str, run: Run, everything: pytest.LogCaptureFixture
) -> None:
    """5 MB: enqueued, run, failed, dead, undecodable, refused; no record is over 2 kB."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[int]()

        @router.job("big", max_retries=1, backoff=AT_ONCE)
        async def handler(payload: Big) -> None:
            seen.append(len(payload.text))
            raise RuntimeError("x" * 5_000_000)

        limit = 6_000_000
        async with open_queue(queue_url, clock=ManualClock(), payload_limit=limit) as queue:
            big = Big(list(range(20_000)), "x" * 5_000_000)
            job_id = await queue.schedule(handler, big)
            await store_raw(queue, b'{"items":[],"text":"' + b"y" * 5_000_000, job_type="big")
            await JobRunner(queue, router).drain()
            assert seen == [5_000_000] * 2
            job = await queue.get_job(job_id)
            assert job.state is JobState.DEAD
            assert job.error is not None
            assert len(job.error.message.encode()) <= 8 * 1_024
            assert "bytes cut" in job.error.message
            wrong: list[Any] = [
                Big(list(range(20_000)), "x" * 7_000_000),
                Big([0] * 20_000 + ["0"], "x"),  # type: ignore[list-item]
                Big([1], Unprintable("x")),
                Unprintable("x" * 5_000_000),
            ]
            for payload in wrong:
                with pytest.raises(AideDeCampError) as raised:
                    await queue.schedule(handler, payload)
                assert len(str(raised.value)) < 1_000
            assert await queue.unschedule_job(await queue.schedule(handler, big), handler) == big

    run(scenario())
    ours = [each for each in everything.records if each.name.startswith("aide_de_camp")]
    assert ours
    for record in ours:
        assert len(logging.Formatter().format(record)) < 2_048
        assert len(str(record.__dict__)) < 4_096


# --- the storage's own errors --------------------------------------------------------------------


def test_p131_an_outage_tells_of_jobs_by_their_ids_alone(
    queue_url: str,
    run: Run,
    everything: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ENQ-8: StorageUnavailable carries the ids, for one and for many, and no payload."""
    monkeypatch.setattr("aide_de_camp.session._PAUSES", ())

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:

            async def down(*_: object, **__: object) -> None:
                raise StorageUnavailable("down", outcome_unknown=True)

            monkeypatch.setattr(queue.storage, "enqueue", down)
            calls = [
                queue.schedule(LOGIN, login()),
                queue.schedule_many([JobRequest(LOGIN, login()) for _ in range(3)]),
            ]
            for error in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(error, StorageUnavailable)
                assert error.outcome_unknown
                assert len(error.job_ids) in (1, 3)
                assert error.job_id == (error.job_ids[0] if len(error.job_ids) == 1 else None)
                assert SECRET not in whole(error)

    run(scenario())
    assert not [line for line in written(everything) if SECRET in line]
