"""Sync handlers: threads that are used again, with a context of their own (scenario P124)."""

from __future__ import annotations

import asyncio
import contextvars
import threading

from aide_de_camp.runner.threads import HandlerThreads, Raised, Returned

color = contextvars.ContextVar("color", default="none")


def test_a_thread_is_used_again():
    async def main():
        threads = HandlerThreads()
        names = {(await threads.run(threading.current_thread)).value.name for _ in range(10)}
        assert len(names) == 1
        threads.close()

    asyncio.run(main())


def test_as_many_threads_as_run_at_once():
    async def main():
        threads = HandlerThreads()
        barrier = threading.Barrier(5)
        await asyncio.gather(*(threads.run(barrier.wait) for _ in range(5)))
        threads.close()

    asyncio.run(main())


def test_what_it_raises_travels_as_a_value_whatever_it_is():
    def stop():
        raise StopIteration(3)

    def leave():
        raise SystemExit(4)

    async def main():
        threads = HandlerThreads()
        stopped, left = await threads.run(stop), await threads.run(leave)
        assert isinstance(stopped, Raised)
        assert isinstance(stopped.error, StopIteration)
        assert isinstance(left, Raised)
        assert isinstance(left.error, SystemExit)
        assert await threads.run(int, "7") == Returned(7)
        threads.close()

    asyncio.run(main())


def test_p124_it_sees_the_callers_context_and_changes_only_its_own():
    def paint():
        before = color.get()
        color.set("red")
        return before

    async def main():
        color.set("blue")
        threads = HandlerThreads()
        assert (await threads.run(paint)).value == "blue"
        assert color.get() == "blue"
        assert (await threads.run(color.get)).value == "blue"
        threads.close()

    asyncio.run(main())


def test_a_caller_that_is_cancelled_leaves_the_thread_to_end_by_itself():
    async def main():
        threads = HandlerThreads()
        entered, leave = threading.Event(), threading.Event()
        mine = []

        def work():
            mine.append(threading.current_thread())
            entered.set()
            leave.wait()
            return 1

        call = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(entered.wait)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert call.cancelled()
        threads.close()
        leave.set()
        while mine[0].is_alive():
            await asyncio.sleep(0.001)

    asyncio.run(main())


def test_a_thread_whose_loop_is_gone_ends():
    leave = threading.Event()
    mine = []

    def work():
        mine.append(threading.current_thread())
        leave.wait()

    async def main():
        threads = HandlerThreads()
        call = asyncio.create_task(threads.run(work))
        while not mine:
            await asyncio.sleep(0.001)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(main())
    leave.set()
    mine[0].join(5)
    assert not mine[0].is_alive()
