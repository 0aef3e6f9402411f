"""A storage that a forked child inherits stays its parent's (clause LIV-3)."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from aide_de_camp.spi import QueueMisused


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_is_refused_and_can_t_disturb_its_parent(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            storage.ticket("q")
            await storage.wait("q", 0, 30)
            child = os.fork()
            if child == 0:
                os._exit(in_child(bench, storage))
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            # The parent still hears what its connections are told.
            async with asyncio.timeout(20):
                assert len((await bench.claim(storage)).jobs) == 1
                ticket = storage.ticket("q")
                async with bench.opened() as other:
                    await bench.put(other, bench.job())
                    await storage.wait("q", ticket, 60)

    asyncio.run(run())


def in_child(bench, storage) -> int:
    async def use() -> None:
        for call in (bench.claim(storage), bench.put(storage, bench.job())):
            with pytest.raises(QueueMisused, match="fork"):
                await call
        with pytest.raises(QueueMisused):
            storage.ticket("q")
        await storage.close()

    try:
        # The parent's loop is marked as running here too.
        asyncio._set_running_loop(None)
        asyncio.run(use())
    except BaseException as error:  # noqa: BLE001 (whatever it is, the parent is to know)
        print(repr(error), file=sys.stderr)
        return 1
    return 0
