"""A free port that stays ours, also while nobody listens on it."""

from __future__ import annotations

import socket
import sys


class ReservedPort:
    """A port of 127.0.0.1, bound but not listened on.

    A server that sets SO_REUSEADDR, as PostgreSQL and Redis do, can listen on it nevertheless.
    Between a kill and a restart connections are refused, and no other process gets the port.
    """

    def __init__(self) -> None:
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.number: int = self._holder.getsockname()[1]
        if sys.platform != "linux":
            self._holder.close()  # elsewhere a bound port can't be listened on by another socket

    def release(self) -> None:
        """Give the port back."""
        self._holder.close()
