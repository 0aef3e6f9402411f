"""One connection through the proxy, and the cuts that wait for their moment."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading

from .process import PATIENCE_S

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)


class CutNow(Exception):
    """This connection ends here."""


class Cut:
    """A cut that waits for a request; ``count`` tells how often it happened."""

    def __init__(self, pattern: bytes, *, after: int, times: int, is_reply: bool) -> None:
        self.pattern = pattern
        self.after = after
        self.times = times
        self.is_reply = is_reply
        self.count = 0
        self._all = threading.Event()

    @property
    def happened(self) -> bool:
        """Whether it happened as often as it was asked for."""
        return self._all.is_set()

    def wait(self) -> None:
        """Wait until it happened as often as it was asked for; in a coroutine, in a thread.

        Raises:
            AssertionError: It doesn't.
        """
        assert self._all.wait(PATIENCE_S), f"Nothing sent {self.pattern!r}, so nothing was cut"

    def note(self) -> bool:
        """Count one; tell whether it was the last."""
        self.count += 1
        if self.count >= self.times:
            self._all.set()
        return self.happened


class Traffic:
    """What holds for all connections of a proxy: may bytes pass, and what is to be cut."""

    def __init__(self) -> None:
        self.requests = asyncio.Event()
        self.replies = asyncio.Event()
        self.requests.set()
        self.replies.set()
        self.cuts: list[Cut] = []

    def note(self, cut: Cut) -> None:
        """Count a cut; the last takes it away."""
        if cut.note() and cut in self.cuts:
            self.cuts.remove(cut)


class Connection:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client: socket.socket) -> None:
        client.setblocking(False)
        self._client = client
        self._server = socket.socket()
        self._server.setblocking(False)
        self._sent = b""  # the end of the requests, for a pattern that comes in two parts
        self._due: Cut | None = None
        self._left = 0

    async def serve(self, target: int, traffic: Traffic) -> None:
        """Pass bytes on until both sides have ended, or the connection is cut."""
        try:
            for side in (self._client, self._server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(self._server, ("127.0.0.1", target))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_requests(traffic))
                group.create_task(self._pass_replies(traffic))
        except* (OSError, CutNow):
            self._reset()
        except* asyncio.CancelledError:
            self._reset()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of both sides; harmless when repeated."""
        self._client.close()
        self._server.close()

    async def _pass_requests(self, traffic: Traffic) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._client, CHUNK):
            await traffic.requests.wait()
            for cut in traffic.cuts:
                if not self._is_asked_for(cut, data):
                    continue
                if not cut.is_reply:
                    traffic.note(cut)
                    raise CutNow
                if self._due is None:
                    self._due, self._left = cut, cut.after
            self._sent = (self._sent + data)[-CHUNK:]
            await loop.sock_sendall(self._server, data)
        self._server.shutdown(socket.SHUT_WR)

    async def _pass_replies(self, traffic: Traffic) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._server, CHUNK):
            await traffic.replies.wait()
            if self._due is None or self._due not in traffic.cuts:
                self._due = None
                await loop.sock_sendall(self._client, data)
                continue
            await loop.sock_sendall(self._client, data[: self._left])
            self._left -= min(self._left, len(data))
            if not self._left:
                traffic.note(self._due)
                raise CutNow
        self._client.shutdown(socket.SHUT_WR)

    def _is_asked_for(self, cut: Cut, data: bytes) -> bool:
        overlap = len(cut.pattern) - 1
        return cut.pattern in (self._sent[-overlap:] if overlap > 0 else b"") + data

    def _reset(self) -> None:
        """Have the client told by a reset, not by an orderly end."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
