"""The proxy's port: open, or refusing, and never anybody else's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from .ports import ReservedPort
from .proxy_connection import Connection


class Listener:
    """Takes connections on a port while it is open.

    All but the constructor is for the loop's own thread.

    Args:
        loop: The loop it belongs to.
        begin: What is called with each connection.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, begin: Callable[[Connection], None]
    ) -> None:
        self._loop = loop
        self._begin = begin
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Take connections from now on."""
        if self._socket is None:
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", self.port))
            self._socket.listen(128)
            self._socket.setblocking(False)
            self._loop.add_reader(self._socket, self._accept, self._socket)

    def close(self) -> None:
        """Refuse connections from now on; whoever isn't accepted yet is reset."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def release(self) -> None:
        """Give the port back."""
        self._reserved.release()

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # the client gave up first
        self._begin(Connection(client))
