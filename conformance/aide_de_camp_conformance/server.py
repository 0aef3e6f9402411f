"""The storage's own server, as far as the kit needs a hold on it: to kill it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aide_de_camp_conformance.asking import HarnessBroken


class Server(Protocol):
    """A server that a harness has to itself. Both calls block, and come from any thread."""

    def kill(self) -> None:
        """End it at once, all of its processes, as ``kill -9`` does: it must not tidy up."""
        ...

    def start(self) -> None:
        """Start it again, on the same data and address, and wait until it takes calls."""
        ...


@asynccontextmanager
async def killed(server: Server) -> AsyncGenerator[None]:
    """Kill a server, have it away during the block, and start it again, whatever happens.

    Raises:
        HarnessBroken: it can't be killed or started.
    """
    try:
        await _done(server.kill)
        yield
    finally:
        await _done(server.start)


async def _done(act: Callable[[], None]) -> None:
    """Do it in a thread, and to its end: one that was given up half-way would meet the next."""
    doing = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise
    except Exception as error:
        raise HarnessBroken from error
