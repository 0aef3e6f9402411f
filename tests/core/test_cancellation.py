"""The token by which a handler hears that it should stop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aide_de_camp import CancellationToken, StopReason


def test_the_first_reason_stands():
    token = CancellationToken()
    assert not token.cancelled
    assert token.reason is None
    token.raise_if_cancelled()
    token.cancel(StopReason.SHUTDOWN)
    token.cancel(StopReason.TIMEOUT)
    assert token.cancelled
    assert token.reason is StopReason.SHUTDOWN
    with pytest.raises(asyncio.CancelledError):
        token.raise_if_cancelled()


def test_async_handlers_can_wait_for_it_before_and_after_it_fires():
    async def main():
        token = CancellationToken()
        waiting = [asyncio.create_task(token.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=token.cancel, args=(StopReason.LEASE_LOST,)).start()
        assert await asyncio.gather(*waiting) == [StopReason.LEASE_LOST] * 3
        assert await token.wait() is StopReason.LEASE_LOST

    asyncio.run(main())


def test_sync_handlers_can_wait_for_it():
    token = CancellationToken()
    assert not token.wait_blocking(0)
    token.cancel(StopReason.SHUTDOWN)
    assert token.wait_blocking()


def test_a_waiter_whose_loop_is_gone_is_no_trouble():
    token = CancellationToken()
    loop = asyncio.new_event_loop()
    task = loop.create_task(token.wait())
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    token.cancel(StopReason.SHUTDOWN)
    assert token.cancelled


def test_what_waited_for_a_moment_leaves_nothing_behind():
    async def main():
        token = CancellationToken()
        for _ in range(3):
            assert not token.wait_blocking(0)
            waiting = asyncio.create_task(token.wait())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return token

    assert not asyncio.run(main())._waiting
