"""How far ``schedule_bulk`` got, whatever ends it (clause ENQ-4)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import (
    BulkInterrupted,
    InvalidArgument,
    JobRequest,
    JobType,
    QueueClosed,
    SchemaError,
    StorageError,
    StorageUnavailable,
    new_job_id,
    open_queue,
)

NUMBER = JobType("number", int)


def requests(count):
    return [JobRequest(NUMBER, n, job_id=new_job_id()) for n in range(count)]


@pytest.mark.parametrize("steps_done", [0, 1, 2])
@pytest.mark.parametrize(
    "error",
    [
        StorageUnavailable("gone", outcome_unknown=False),
        StorageError("broken"),
        SchemaError("too new"),
        QueueClosed("closed meanwhile"),
        RuntimeError("a driver's"),
        OSError("a system's"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_error_says_what_is_stored_and_a_repeat_finishes(steps_done, error):
    async def main():
        async with open_queue("memory://") as queue:
            wanted = requests(2_500)
            ids = [each.job_id for each in wanted]
            enqueue, calls = queue.storage.enqueue, 0

            async def breaks(*args, **kwargs):
                nonlocal calls
                calls += 1
                if calls > steps_done:
                    raise error
                return await enqueue(*args, **kwargs)

            queue.storage.enqueue = breaks
            with pytest.raises(BulkInterrupted, match=type(error).__name__) as told:
                await queue.schedule_bulk(wanted)
            done = 1_000 * steps_done
            assert told.value.scheduled == tuple(ids[:done])
            assert told.value.remaining == tuple(ids[done:])
            assert type(told.value.__cause__) is type(error)
            assert (await queue.count_jobs()).total == done
            queue.storage.enqueue = enqueue
            assert await queue.schedule_bulk(wanted) == ids
            assert (await queue.count_jobs()).total == 2_500

    asyncio.run(main())


@pytest.mark.parametrize("stored", [True, False], ids=["stored all the same", "not stored"])
def test_a_cancellation_passes_with_a_note_and_a_repeat_finishes(stored):
    async def main():
        async with open_queue("memory://") as queue:
            wanted = requests(2_500)
            enqueue, calls = queue.storage.enqueue, 0
            second, gate = asyncio.Event(), asyncio.Event()

            async def waits(*args, **kwargs):
                nonlocal calls
                calls += 1
                if calls == 2:
                    second.set()
                    await gate.wait()
                    if not stored:
                        raise StorageError("broken")
                return await enqueue(*args, **kwargs)

            queue.storage.enqueue = waits
            caller = asyncio.create_task(queue.schedule_bulk(wanted))
            await second.wait()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError) as told:
                await caller
            (note,) = told.value.__notes__
            assert note.startswith("schedule_bulk: 1,000 of 2,500 jobs are stored")
            assert "the next 1,000" in note
            gate.set()
            assert await queue.schedule_bulk(wanted) == [each.job_id for each in wanted]
            assert (await queue.count_jobs()).total == 2_500

    asyncio.run(main())


def test_what_can_not_be_encoded_stores_nothing():
    async def main():
        async with open_queue("memory://") as queue:
            with pytest.raises(InvalidArgument):
                await queue.schedule_bulk([*requests(1_500), JobRequest(NUMBER, 1, priority=999)])
            assert (await queue.count_jobs()).total == 0

    asyncio.run(main())
