"""LIV-2, LIV-3: outages, closed queues."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aide_de_camp import (
    JobContext,
    JobRequest,
    JobRouter,
    JobState,
    Queue,
    QueueClosed,
    QueueMisused,
    StorageUnavailable,
)
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.faults import Outage
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, requests

BOUND = 20.0
"""Seconds within which a call on a storage that is away has to answer."""


@requirement("LIV-2.runner", level=2, heavy=True)
async def outage(kit: Kit) -> None:
    """The storage going away and coming back ends no runner and loses no job."""
    outage = Outage()
    queue, other = await kit.queue(around=outage.around), await kit.queue()
    router, ran = JobRouter(), list[bytes]()
    gate = asyncio.Semaphore(0)

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)
        await gate.acquire()

    ids = await queue.schedule_many(requests(4))
    async with kit.running(queue, router, concurrency=2):
        await kit.until("two run", lambda: len(ran) == 2)
        outage.on = True
        for _ in range(4):
            gate.release()
        await kit.until("the runner met the outage", lambda: outage.refused >= 4)
        ids += await other.schedule_many(requests(2))
        outage.on = False
        for _ in range(8):
            gate.release()
        await kit.until("all are completed", lambda: _completed(other, 6))
    for job_id in ids:
        view = await other.get_job(job_id)
        same((view.state, view.claims), (JobState.COMPLETED, 1), "its state and claims")


async def _completed(queue: Queue, wanted: int) -> bool:
    await asyncio.sleep(0.01)
    return (await queue.count_jobs()).by_state[JobState.COMPLETED] == wanted


@requirement("LIV-2.calls", level=2, heavy=True)
async def calls_meanwhile(kit: Kit) -> None:
    """Calls made meanwhile raise StorageUnavailable or succeed, within a bounded time."""
    outage = Outage()
    queue = await kit.queue(around=outage.around)
    job_id, _ = [await queue.schedule(BYTES, b"") for _ in range(2)]
    handle, held = [await queue.poll_next(BYTES) for _ in range(2)]
    assert handle is not None and held is not None, "a due job wasn't handed out"  # noqa: PT018
    outage.on = True
    calls = [*_calls(queue, job_id, handle.complete), ("extend", held.extend)]

    async def unavailable(name: str, call: Callable[[], Awaitable[Any]]) -> None:
        start = time.monotonic()
        with raises(StorageUnavailable, f"{name} while the storage is away"):
            await call()
        assert time.monotonic() - start < BOUND, f"{name} took more than {BOUND:g} s to say so"

    await asyncio.gather(*(unavailable(name, call) for name, call in calls))
    outage.on = False
    await handle.complete()
    same((await queue.get_job(job_id)).state, JobState.COMPLETED, "the state in the end")


def _calls(
    queue: Queue, job_id: Any, complete: Callable[[], Awaitable[Any]]
) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    request = JobRequest(BYTES, b"")
    later = timedelta(1)
    return [
        ("schedule", lambda: queue.schedule(BYTES, b"")),
        ("schedule_in", lambda: queue.schedule_in(BYTES, b"", later)),
        ("schedule_many", lambda: queue.schedule_many([request])),
        ("cancel_job", lambda: queue.cancel_job(job_id)),
        ("unschedule_job", lambda: queue.unschedule_job(job_id, BYTES)),
        ("get_job", lambda: queue.get_job(job_id)),
        ("list_jobs", queue.list_jobs),
        ("count_jobs", queue.count_jobs),
        ("poll_next", lambda: queue.poll_next(BYTES)),
        ("prune", queue.prune),
        ("dead.list", queue.dead.list),
        ("dead.count", queue.dead.count),
        ("dead.requeue", lambda: queue.dead.requeue(job_id)),
        ("dead.delete", lambda: queue.dead.delete(job_id)),
        ("dead.requeue_all", queue.dead.requeue_all),
        ("complete", complete),
    ]


@requirement("LIV-3.closed", level=1)
async def closed(kit: Kit) -> None:
    """Closing twice is harmless; using a closed queue raises QueueClosed."""
    queue, desk = kit.unopened(), await kit.desk()
    with raises(QueueClosed, "scheduling on a queue that isn't open yet"):
        await queue.schedule(BYTES, b"")
    async with queue:
        await queue.schedule(BYTES, b"")
        handle = await queue.poll_next(BYTES)
        assert handle is not None, "a due job wasn't handed out"
    await queue.close()
    for name, call in _calls(queue, handle.id, handle.complete):
        with raises(QueueClosed, f"{name} on a closed queue"):
            await call()
    same(await desk.total(), 1, "how many jobs there are")
    storage = await kit.storage()
    await storage.close()
    await storage.close()


@requirement("LIV-3.loop", level=1)
async def another_loop(kit: Kit) -> None:
    """A queue used in another event loop raises QueueMisused, saying what to do."""
    queue, desk = await kit.queue(), await kit.desk()

    async def use() -> None:
        await queue.schedule(BYTES, b"")

    with raises(QueueMisused, "scheduling from another event loop") as caught:
        await kit.elsewhere(use)
    assert "open" in str(caught.error), "the error doesn't say what to do"
    same(await desk.total(), 0, "how many jobs were stored")
    await queue.schedule(BYTES, b"")
    same(await desk.total(), 1, "how many are stored in its own loop")


@requirement("LIV-3.fork", level=1)
async def after_a_fork(kit: Kit) -> None:
    """A queue used after a fork raises QueueMisused, saying what to do."""
    queue = await kit.queue()
    job_id = await queue.schedule(BYTES, b"")
    if not hasattr(os, "fork"):
        return
    with warnings.catch_warnings():
        # Forking beside threads is what newer Pythons warn of, and what users do all the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        answer = 1
        try:
            queue.get_job(job_id).send(None)
        except QueueMisused as error:
            answer = 0 if "open" in str(error) else 2
        except BaseException:  # noqa: BLE001 (a child must not come back from here, whatever happens)
            answer = 3
        finally:
            os._exit(answer)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    same(os.waitstatus_to_exitcode(status), 0, "the child's answer: 0 is QueueMisused")
    same((await queue.get_job(job_id)).state, JobState.SCHEDULED, "what the parent sees")
