"""A payload with secrets in it, and every path that it may take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from aide_de_camp import (
    Cancel,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    LeaseLost,
    ManualClock,
    Queue,
    Snooze,
    StorageError,
    StorageUnavailable,
)
from aide_de_camp.spi import LeaseResult, Settlement

from .support import AT_ONCE, state_of, store_raw

SECRET = "hunter2-s3cr3t"
TICK = timedelta(milliseconds=1)


@attrs.frozen
class Login:
    """A payload with a secret in it."""

    user: str
    password: str
    more: dict[str, str] = attrs.Factory(dict[str, str])


LOGIN = JobType("login", Login)


def login(password: str = SECRET) -> Login:
    return Login("ann", password, {SECRET: SECRET})


async def every_path(queue: Queue, clock: ManualClock, patch: pytest.MonkeyPatch) -> int:
    """Take jobs with secrets through every end that an attempt can have.

    Returns:
        How many jobs there are.
    """
    router = JobRouter()

    @router.job("succeeds")
    async def succeeds(payload: Login) -> Login:
        return payload

    @router.job("fails", max_retries=1, backoff=AT_ONCE)
    async def fails(payload: Login) -> None:
        raise LookupError(f"bad password {payload.password}")

    @router.job("fails_sync", max_retries=1, backoff=AT_ONCE)
    def fails_sync(payload: Login) -> None:
        try:
            raise KeyError(payload.password)
        except KeyError as error:
            raise RuntimeError(payload) from error

    @router.job("slow", max_retries=0, time_limit=TICK)
    async def slow(payload: Login) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError(payload.password) from None

    @router.job("snoozes")
    async def snoozes(payload: Login, job: JobContext) -> Snooze | None:
        return None if job.claims > 1 else Snooze(timedelta(0))

    @router.job("cancels")
    async def cancels(payload: Login) -> Cancel:
        return Cancel(payload.password)

    @router.job("odd", max_retries=0)
    async def odd(payload: Login) -> Any:
        return Snooze(payload)  # type: ignore[arg-type]

    @router.job("login")
    async def handler(payload: Login) -> None:
        raise AssertionError

    payload = login()
    types: list[JobType[Login]] = [succeeds, fails, fails_sync, slow, snoozes, cancels, odd]
    await queue.schedule_many([JobRequest(each, payload) for each in types])
    quoted = SECRET.encode()
    poison = [
        b'{"user":"ann","password":"' + quoted + b'"',
        b'{"user":"ann","password":["' + quoted + b'"]}',
        b'{"user":"ann","password":"x","' + quoted + b'":1}',
        b'{"user":"ann","password":"x","more":{"' + quoted + b'":1}}',
        b'{"user":"ann","password":"x","more":{"' + quoted + b'":"a","' + quoted + b'":"b"}}',
        quoted,
        b'{"user":"ann","password":"' + quoted + b'\xff"}',
        b'["' + quoted + b'"]',
    ]
    for data in poison:
        await store_raw(queue, data, job_type="login")
        await store_raw(queue, data, job_type="login", codec="msgpack")
        await store_raw(queue, data, job_type="login", codec="pydantic")
    await JobRunner(queue, router).drain()

    # A worker that is lost, twice; a cancel; a dead letter by hand; a lost lease's late word.
    lost = JobType("lost", Login, max_retries=1)
    lost_id = await queue.schedule(lost, payload)
    zombies = []
    for _ in range(2):
        zombies.append(await queue.poll_next(lost))
        clock.advance(61)
    await queue.storage.reap(queue.name, 10, now=clock.now())
    assert await state_of(queue, lost_id) is JobState.DEAD
    for zombie in zombies:
        assert zombie is not None
        with contextlib.suppress(LeaseLost):
            await zombie.complete()
    by_hand = JobType("by_hand", Login)
    gone, taken = [await queue.schedule(by_hand, payload) for _ in range(2)]
    assert await queue.cancel_job(gone) is True
    assert await queue.unschedule_job(taken, by_hand) == payload
    await queue.schedule(by_hand, payload)
    handle = await queue.poll_next(by_hand)
    assert handle is not None
    await handle.dead_queue(ValueError(payload.password))

    # An outcome that can't be stored.
    settle = queue.storage.settle

    async def broken(
        name: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        patch.setattr(queue.storage, "settle", settle)
        raise StorageError("refused")

    patch.setattr(queue.storage, "settle", broken)
    await queue.schedule(succeeds, payload)
    with pytest.raises(StorageUnavailable):
        await JobRunner(queue, router).drain()
    return len(types) + 3 * len(poison) + 5
