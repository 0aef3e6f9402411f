"""A proxy before a server that breaks connections at a chosen moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from .proxy_connection import Connection, Cut, Traffic
from .proxy_listener import Listener

__all__ = ["Cut", "Proxy"]

T = TypeVar("T")
PATIENCE_S = 30.0


class Proxy:
    """Takes connections on a port of its own and passes them on to a server.

    It runs in a thread of its own, so that its calls can be made from anywhere, also from a
    coroutine: they return when what they ask for is so. Leave it in the thread that made it: after
    a fork it doesn't work.

    Args:
        target: The server's port on 127.0.0.1; may be set later on, for new connections.
    """

    host = "127.0.0.1"

    def __init__(self, target: int) -> None:
        self.target = target
        self._traffic = Traffic()
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[asyncio.Task[None], Connection] = {}
        self._listener = Listener(self._loop, self._begin)
        self.port = self._listener.port
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listener.open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._tasks)

    def through(self, url: str) -> str:
        """Give an address with this proxy in the server's place."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}{self.host}:{self.port}"))

    def cut(self) -> int:
        """Reset all connections now.

        Returns:
            How many there were.
        """

        async def cut() -> int:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return len(tasks)

        return self._finish(asyncio.run_coroutine_threadsafe(cut(), self._loop))

    def lose_reply(self, to: bytes = b"", *, after: int = 0, times: int = 1) -> Cut:
        """Cut a connection when the reply to a request comes: it took effect, and nobody is told.

        Args:
            to: What the request contains, such as ``b"COMMIT"``; empty means the next one. Name
                it where several connections, or a pool's own pings, might be first.
            after: How many bytes of the reply are still delivered. What the server owed for
                earlier requests of the same connection counts as well.
            times: How often, on whichever connections.

        Returns:
            What to wait for.
        """
        return self._arm(Cut(to, after=after, times=times, is_reply=True))

    def lose_request(self, containing: bytes = b"", *, times: int = 1) -> Cut:
        """Cut a connection when a request comes, without passing it on: it never took effect.

        Args:
            containing: What the request contains; empty means the next one.
            times: How often, on whichever connections.

        Returns:
            What to wait for.
        """
        return self._arm(Cut(containing, after=0, times=times, is_reply=False))

    def stall(self, *, requests: bool = True, replies: bool = True) -> None:
        """Hold back what comes, in both directions or in one, until ``resume``."""

        def hold() -> None:
            for kept, flow in (
                (requests, self._traffic.requests),
                (replies, self._traffic.replies),
            ):
                if kept:
                    flow.clear()

        self._do(hold)

    def refuse(self) -> None:
        """Refuse new connections until ``resume``; those that are there go on."""
        self._do(self._listener.close)

    def resume(self) -> None:
        """Go back to normal: nothing is refused, held back, or about to be cut."""

        def resume() -> None:
            self._traffic.cuts.clear()
            self._traffic.requests.set()
            self._traffic.replies.set()
            self._listener.open()

        self._do(resume)

    def close(self) -> None:
        """End it, and reset its connections."""
        if self._loop.is_closed():
            return
        self.refuse()
        self.cut()
        self._do(self._listener.release)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _arm(self, cut: Cut) -> Cut:
        self._do(lambda: self._traffic.cuts.append(cut))
        return cut

    def _begin(self, connection: Connection) -> None:
        task = self._loop.create_task(connection.serve(self.target, self._traffic))
        self._tasks[task] = connection
        task.add_done_callback(self._tasks.pop)
        task.add_done_callback(lambda _: connection.close())  # also where it never began

    def _do(self, work: Callable[[], T]) -> T:
        """Have something done by the proxy's own thread."""

        async def do() -> T:
            return work()

        return self._finish(asyncio.run_coroutine_threadsafe(do(), self._loop))

    def _finish(self, future: Future[T]) -> T:
        return future.result(PATIENCE_S)
