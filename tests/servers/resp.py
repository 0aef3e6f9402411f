"""Redis's protocol, as far as tests need it: commands from outside, whatever the driver does."""

from __future__ import annotations

import socket
from typing import Any, Self

PATIENCE_S = 10.0


class ReplyError(Exception):
    """The server answered with an error."""


class Line:
    """A connection to a Redis server.

    Args:
        port: The server's port on 127.0.0.1.
        password: What to log in with; None means nothing.

    Raises:
        OSError: Nobody answers.
    """

    def __init__(self, port: int, password: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self._file = self._socket.makefile("rb")
        if password is not None:
            self.call("AUTH", password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def call(self, *words: str | bytes | int) -> Any:
        """Send one command.

        Returns:
            The answer: text decoded (bytes that aren't UTF-8 as surrogates), numbers, lists, None.

        Raises:
            ReplyError: It is an error.
            OSError: The connection is lost.
        """
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        sent = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._socket.sendall(b"*%d\r\n%s" % (len(parts), sent))
        answer = self._read()
        if isinstance(answer, ReplyError):
            raise answer
        return answer

    def _read(self) -> Any:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("The server closed the connection")
        kind, text = line[:1], line[1:-2].decode(errors="surrogateescape")
        match kind:
            case b"+":
                return text
            case b"-":
                return ReplyError(text)
            case b":":
                return int(text)
            case b"$" if text != "-1":
                return self._file.read(int(text) + 2)[:-2].decode(errors="surrogateescape")
            case b"*" if text != "-1":
                return [self._read() for _ in range(int(text))]
            case _:
                return None
