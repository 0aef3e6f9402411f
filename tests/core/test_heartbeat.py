"""A heartbeat outlives whatever its storage answers, and ends promptly whatever it does."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from aide_de_camp import ManualClock
from aide_de_camp.clock import Clock, SystemClock
from aide_de_camp.runner import heartbeat as module
from aide_de_camp.runner.heartbeat import (
    HeartbeatDriver,
    HeartbeatTask,
    HeartbeatThread,
    Pulse,
)
from aide_de_camp.runner.held import HeldLease, HeldLeases
from aide_de_camp.session import Session
from aide_de_camp.spi import BATCH_JOBS, Lease, LeaseResult

SECRET = "canary-4711"
APPLIED, LOST = LeaseResult.APPLIED, LeaseResult.LOST


def all_applied(leases: Sequence[Lease]) -> list[LeaseResult]:
    return [APPLIED] * len(leases)


class Storage:
    """One whose ``extend`` answers what a test says."""

    def __init__(self, answer: Callable[[Sequence[Lease]], Any]) -> None:
        self.answer = answer
        self.calls: list[int] = []
        self.closed = False

    async def open(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def extend(self, _queue: str, leases: Sequence[Lease], *_: Any, **__: Any) -> Any:
        self.calls.append(len(leases))
        answer = self.answer(leases)
        return await answer if asyncio.iscoroutine(answer) else answer


class FakeSession:
    queue = "default"

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.storage = storage
        self.clock = clock

    def opener(self) -> Storage:
        return self.storage


def pulse_of(
    storage: Storage,
    clock: Clock,
    *,
    length: float = 1.0,
    leases: int = 1,
    log_errors: bool = False,
) -> tuple[Pulse, list[HeldLease]]:
    held, lost = HeldLeases(), list[HeldLease]()
    for number in range(leases):
        held.add(UUID(int=number), number, clock.monotonic())

    def lose(lease: HeldLease) -> None:
        held.remove(lease.id, lease.token)
        lost.append(lease)

    session = cast("Session", FakeSession(storage, clock))
    length_ = timedelta(seconds=length)
    return Pulse(session, held, length_, lose, lambda _: None, log_errors), lost


def fails(error: BaseException) -> Callable[[Sequence[Lease]], Any]:
    def answer(_: Sequence[Lease]) -> Any:
        raise error

    return answer


BAD_ANSWERS: dict[str, Callable[[Sequence[Lease]], Any]] = {
    "none": lambda _: None,
    "too few": lambda leases: [APPLIED] * (len(leases) - 1),
    "too many": lambda leases: [APPLIED] * (len(leases) + 1),
    "empty": lambda _: [],
    "a number": lambda _: 7,
    "an iterator": lambda leases: iter([APPLIED] * len(leases)),
    "of nothing": lambda leases: [None] * len(leases),
    "of words": lambda leases: ["applied"] * len(leases),
    "an error": fails(ValueError(SECRET)),
    "a group": fails(ExceptionGroup(SECRET, [KeyError(SECRET)])),
    "a cancellation": fails(asyncio.CancelledError(SECRET)),
    "a timeout": fails(TimeoutError(SECRET)),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_no_answer_ends_it_and_time_tells_of_the_leases(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LEA-6: unreadable answers extend nothing, lose nothing at once, and are no end."""

    async def main() -> None:
        clock, storage = ManualClock(), Storage(BAD_ANSWERS[kind])
        pulse, lost = pulse_of(storage, clock, leases=3)
        driver = HeartbeatTask(pulse)
        driver.start()
        await _pass(clock, 0.9)
        assert len(storage.calls) >= 3, "it goes on"
        assert not lost
        await _pass(clock, 0.2)
        assert len(lost) == 3
        pulse.held.add(UUID(int=9), 9, clock.monotonic())
        storage.answer = all_applied
        await _pass(clock, 3)
        assert len(lost) == 3, "a later answer that is good counts"
        await driver.stop()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_the_thread_lives_on_too(kind: str) -> None:
    async def main() -> None:
        storage = Storage(BAD_ANSWERS[kind])
        pulse, lost = pulse_of(storage, SystemClock(), length=0.2)
        driver = HeartbeatThread(pulse)
        driver.start()
        await _until(lambda: lost)
        storage.answer = all_applied
        calls = len(storage.calls)
        pulse.held.add(UUID(int=9), 9, time.monotonic())
        await _until(lambda: len(storage.calls) > calls)
        await driver.stop()
        assert storage.closed

    asyncio.run(main())


def test_a_runner_that_cant_be_told_of_a_loss_is_no_end() -> None:
    async def main() -> None:
        clock, storage = ManualClock(), Storage(lambda leases: [LOST] * len(leases))
        pulse, _ = pulse_of(storage, clock)
        told: list[int] = []

        def closed(_: HeldLease) -> None:
            told.append(1)
            raise RuntimeError("Event loop is closed")

        deaf = Pulse(pulse.session, pulse.held, pulse.length, closed, lambda _: None)
        driver = HeartbeatTask(deaf)
        driver.start()
        await _pass(clock, 3)
        assert len(told) > 5
        await driver.stop()

    asyncio.run(main())


@pytest.mark.parametrize("asked", [False, True])
def test_its_errors_are_told_in_full_only_where_that_was_asked_for(
    asked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """DEC-6."""

    async def main() -> None:
        clock, storage = ManualClock(), Storage(fails(ValueError(SECRET)))
        pulse, _ = pulse_of(storage, clock, log_errors=asked)
        await pulse.look(_giving(storage), clock)
        clock.advance(0.5)
        await pulse.look(_giving(storage), clock)

    asyncio.run(main())
    assert "heartbeat failed, will try again: ValueError" in caplog.text
    assert (SECRET in caplog.text) is asked


@pytest.mark.parametrize(("held", "calls"), [
    (1, [1]),
    (BATCH_JOBS, [BATCH_JOBS]),
    (BATCH_JOBS + 1, [BATCH_JOBS, 1]),
    (2 * BATCH_JOBS + 5, [BATCH_JOBS, BATCH_JOBS, 5]),
])  # fmt: skip
def test_no_call_extends_more_leases_than_a_storage_takes(held: int, calls: list[int]) -> None:
    async def main() -> None:
        clock, storage = ManualClock(), Storage(all_applied)
        pulse, lost = pulse_of(storage, clock, leases=held)
        clock.advance(0.5)
        await pulse.look(_giving(storage), clock)
        assert storage.calls == calls
        clock.advance(0.9)
        pulse.fence(clock)
        assert not lost, "each of them was extended"

    asyncio.run(main())


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_call_that_fails_keeps_no_other_from_being_made(bad: int) -> None:
    async def main() -> None:
        clock = ManualClock()

        def answer(leases: Sequence[Lease]) -> Any:
            if len(storage.calls) == bad + 1:
                raise OSError("no route")
            return [APPLIED] * len(leases)

        storage = Storage(answer)
        pulse, lost = pulse_of(storage, clock, leases=3 * BATCH_JOBS)
        clock.advance(0.5)
        await pulse.look(_giving(storage), clock)
        assert len(storage.calls) == 3
        clock.advance(0.6)
        pulse.fence(clock)
        first = bad * BATCH_JOBS
        assert [each.id.int for each in lost] == list(range(first, first + BATCH_JOBS))

    asyncio.run(main())


@pytest.mark.parametrize(
    ("driver", "place", "how"),
    [
        (HeartbeatThread, place, how)
        for place in ("open", "extend", "close")
        for how in ("hangs", "swallows", "blocks")
    ]
    # It has no storage of its own to open or close, and no thread that could be blocked.
    + [(HeartbeatTask, "extend", how) for how in ("hangs", "swallows")],
)
def test_it_ends_promptly_whatever_hangs(
    driver: Callable[[Pulse], HeartbeatDriver],
    place: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LIV-1: with a lease of hours nobody waits a quarter of it for a call that hangs."""
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.1)
    monkeypatch.setattr(module, "_LAST_SECONDS", 0.1)
    go, arrived = threading.Event(), threading.Event()

    async def bad() -> None:
        arrived.set()
        if how == "blocks":
            go.wait(20)
        while not go.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                if how != "swallows":
                    raise

    async def main() -> None:
        clock = SystemClock()
        storage = Storage(all_applied)

        async def extend(*_: Any, **__: Any) -> Any:
            await bad()

        if place == "extend":
            storage.extend = extend  # type: ignore[method-assign]
        else:
            setattr(storage, place, bad)
        pulse, _ = pulse_of(storage, clock, length=3_600)
        held = HeldLeases()
        held.add(UUID(int=1), 1, clock.monotonic() - 1_000)
        pulse = Pulse(pulse.session, held, pulse.length, pulse.lost, pulse.blocked)
        monkeypatch.setattr(Pulse, "interval", 0.01)
        beating = driver(pulse)
        beating.start()
        if place == "close":
            await _until(lambda: storage.calls)
        else:
            await _until(arrived.is_set)
        async with asyncio.timeout(15):
            await beating.stop()
        go.set()

    asyncio.run(main())


def test_it_waits_for_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop leaves a call that is answered to its answer, and closes its storage."""
    monkeypatch.setattr(Pulse, "interval", 0.01)
    ends: list[str] = []

    async def slowly(leases: Sequence[Lease]) -> Any:
        try:
            await asyncio.sleep(0.05)
            ends.append("answered")
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise
        return [APPLIED] * len(leases)

    async def main() -> None:
        storage = Storage(slowly)
        pulse, _ = pulse_of(storage, SystemClock(), length=60)
        held = HeldLeases()
        held.add(UUID(int=1), 1, time.monotonic() - 30)
        beating = HeartbeatThread(
            Pulse(pulse.session, held, pulse.length, pulse.lost, pulse.blocked)
        )
        beating.start()
        await _until(lambda: storage.calls)
        await beating.stop()
        assert ends == ["answered"]
        assert storage.closed

    asyncio.run(main())


def _giving(storage: Storage) -> Callable[[], Any]:
    async def reach() -> Storage:
        return storage

    return reach


async def _pass(clock: ManualClock, seconds: float) -> None:
    for _ in range(round(seconds / 0.05)):
        clock.advance(0.05)
        for _ in range(10):
            await asyncio.sleep(0)


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
