"""Who may use a queue, and what happens when the storage can't be reached (clauses LIV-2..4)."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from aide_de_camp import (
    InvalidArgument,
    JobRequest,
    JobType,
    PluginNotFound,
    QueueClosed,
    QueueMisused,
    StorageUnavailable,
    new_job_id,
    open_queue,
)

TEXT = JobType("text", str)


class Flaky:
    """Wraps a storage's verb: fails a few times, before or after it takes effect."""

    def __init__(self, verb, failures, *, lose_replies):
        self.verb = verb
        self.failures = failures
        self.lose_replies = lose_replies

    async def __call__(self, *args, **kwargs):
        if self.failures > 0:
            self.failures -= 1
            if self.lose_replies:
                await self.verb(*args, **kwargs)
            raise StorageUnavailable("gone", outcome_unknown=self.lose_replies)
        return await self.verb(*args, **kwargs)


def test_a_queue_must_be_open():
    async def main():
        queue = open_queue("memory://")
        with pytest.raises(QueueClosed):
            await queue.schedule(TEXT, "x")
        async with queue:
            with pytest.raises(QueueMisused):
                await queue.open()
            await queue.schedule(TEXT, "x")
        await queue.close()
        for call in (
            lambda: queue.schedule(TEXT, "x"),
            lambda: queue.schedule_many([]),
            lambda: queue.schedule_bulk([]),
            lambda: queue.cancel_job(new_job_id()),
            lambda: queue.unschedule_job(new_job_id(), TEXT),
            lambda: queue.get_job(new_job_id()),
            queue.list_jobs,
            queue.count_jobs,
            lambda: queue.poll_next(TEXT),
            queue.prune,
            queue.dead.list,
            queue.dead.count,
            queue.dead.requeue_all,
        ):
            with pytest.raises(QueueClosed):
                await call()

    asyncio.run(main())


def test_a_queue_belongs_to_its_event_loop():
    queue = open_queue("memory://")
    asyncio.run(queue.open())
    with pytest.raises(QueueMisused, match="event loop"):
        asyncio.run(queue.schedule(TEXT, "x"))


def test_a_queue_belongs_to_its_process():
    async def main():
        async with open_queue("memory://") as queue:
            read, write = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    queue.storage  # noqa: B018 (the check is the point)
                except QueueMisused:
                    os.write(write, b"refused")
                os._exit(0)
            await asyncio.to_thread(os.waitpid, child, 0)
            os.close(write)
            with os.fdopen(read, "rb") as pipe:
                assert pipe.read() == b"refused"

    asyncio.run(main())


def test_only_one_of_several_opens_at_once_wins_and_nothing_leaks():
    async def main():
        queue = open_queue("memory://")
        made = []
        opener, gate = queue.session.opener, asyncio.Event()

        def counted():
            storage = opener()
            open_, close = storage.open, storage.close

            async def slow_open():
                await gate.wait()
                await open_()

            async def counted_close():
                made.remove(storage)
                await close()

            storage.open, storage.close = slow_open, counted_close
            made.append(storage)
            return storage

        queue.session.opener = counted
        opening = [asyncio.create_task(queue.open()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        ends = await asyncio.gather(*opening, return_exceptions=True)
        assert [end if end is queue else type(end) for end in ends] == [
            queue,
            QueueMisused,
            QueueMisused,
        ]
        assert len(made) == 1
        await queue.schedule(TEXT, "x")
        await queue.close()
        assert made == []

    asyncio.run(main())


def test_what_is_closed_while_it_opens_is_closed():
    async def main():
        gate = asyncio.Event()
        closed = []
        queue = open_queue("memory://")
        opener = queue.session.opener

        def slow():
            storage = opener()

            async def open_():
                await gate.wait()

            async def close():
                closed.append(storage)

            storage.open, storage.close = open_, close
            return storage

        queue.session.opener = slow
        opening = asyncio.create_task(queue.open())
        await asyncio.sleep(0)
        await queue.close()
        gate.set()
        with pytest.raises(QueueClosed):
            await opening
        assert len(closed) == 1
        with pytest.raises(QueueClosed):
            await queue.schedule(TEXT, "x")
        async with queue:
            await queue.schedule(TEXT, "x")

    asyncio.run(main())


@pytest.mark.parametrize("broken", ["opener", "open"])
def test_a_queue_that_could_not_be_opened_can_be_opened_later(broken):
    async def main():
        queue = open_queue("memory://")
        opener = queue.session.opener

        def fails():
            if broken == "opener":
                raise StorageUnavailable("not yet", outcome_unknown=False)
            storage = opener()

            async def open_():
                raise StorageUnavailable("not yet", outcome_unknown=False)

            storage.open = open_
            return storage

        queue.session.opener = fails
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                await queue.open()
        queue.session.opener = opener
        async with queue:
            await queue.schedule(TEXT, "x")

    asyncio.run(main())


@pytest.mark.parametrize("lose_replies", [False, True])
def test_calls_are_repeated_and_nothing_is_stored_twice(lose_replies):
    async def main():
        async with open_queue("memory://") as queue:
            storage = queue.storage
            storage.enqueue = Flaky(storage.enqueue, 2, lose_replies=lose_replies)
            job_id = await queue.schedule(TEXT, "x")
            storage.cancel = Flaky(storage.cancel, 2, lose_replies=lose_replies)
            assert (await queue.count_jobs()).total == 1
            assert await queue.cancel_job(job_id)

    asyncio.run(main())


@pytest.mark.parametrize("lose_replies", [False, True])
def test_an_outage_is_told_with_the_ids_and_what_is_known(lose_replies):
    async def main():
        async with open_queue("memory://") as queue:
            storage = queue.storage
            storage.enqueue = Flaky(storage.enqueue, 99, lose_replies=lose_replies)
            job_id = new_job_id()
            with pytest.raises(StorageUnavailable) as told:
                await queue.schedule(TEXT, "x", job_id=job_id)
            assert told.value.job_ids == (job_id,)
            assert told.value.job_id == job_id
            assert told.value.outcome_unknown is lose_replies
            assert (await queue.count_jobs()).total == (1 if lose_replies else 0)

    asyncio.run(main())


def test_a_reply_lost_before_a_clean_failure_still_leaves_the_outcome_unknown():
    async def main():
        async with open_queue("memory://") as queue:
            storage = queue.storage
            clean = Flaky(storage.enqueue, 99, lose_replies=False)
            storage.enqueue = Flaky(clean, 99, lose_replies=False)
            lossy = iter([True, False, False])

            async def enqueue(*args, **kwargs):
                raise StorageUnavailable("gone", outcome_unknown=next(lossy))

            storage.enqueue = enqueue
            with pytest.raises(StorageUnavailable) as told:
                await queue.schedule(TEXT, "x")
            assert told.value.outcome_unknown

    asyncio.run(main())


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"payload_limit": 0},
        {"payload_limit": 17 * 1024 * 1024},
        {"keep_finished": timedelta(seconds=-1)},
        {"codecs": "json"},
    ],
)
def test_bad_settings_are_refused_before_anything_is_opened(arguments):
    with pytest.raises(InvalidArgument):
        open_queue("memory://", **arguments)


def test_unknown_schemes_and_codecs_are_told_what_there_is():
    with pytest.raises(PluginNotFound, match="memory"):
        open_queue("memry://")
    with pytest.raises(PluginNotFound, match="json"):
        open_queue("memory://", codec="jsn")


def test_a_request_can_not_have_two_times():
    async def main():
        async with open_queue("memory://") as queue:
            now = (await queue.get_job(await queue.schedule(TEXT, "x"))).enqueued_at
            with pytest.raises(InvalidArgument, match="at"):
                await queue.schedule_many([JobRequest(TEXT, "x", at=now, delay=timedelta(1))])
            with pytest.raises(InvalidArgument, match="requests"):
                await queue.schedule_many([("text", "x")])
            assert (await queue.count_jobs()).total == 1

    asyncio.run(main())
