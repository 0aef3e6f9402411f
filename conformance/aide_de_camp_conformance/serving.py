"""What a process does that asks requirements on behalf of another, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Protocol, TypeAlias

from attrs import frozen

from aide_de_camp.spi import AideDeCampError
from aide_de_camp_conformance.logs import quiet
from aide_de_camp_conformance.said import clean, said
from aide_de_camp_conformance.watching import Begin


class Server(Protocol):
    """Answers questions in its process; what it answers can be pickled."""

    def answer(self, verb: str, about: str, begin: Begin) -> object:
        """Answer one.

        Args:
            verb: what to do.
            about: with what: an id, for instance.
            begin: told of each step that may hang, as it begins.
        """
        ...

    def close(self) -> None:
        """Tidy up at the very end."""
        ...


MakeServer: TypeAlias = Callable[[], Server]


@frozen
class Ready:
    """The process can be asked."""


@frozen
class Unmade:
    """It never will: what answers couldn't be made."""

    words: str


@frozen
class Answer:
    """What was answered."""

    value: object


@frozen
class Raised:
    """What answering raised; as words, since not every exception can be pickled."""

    words: str


def serve(connection: Connection, make: MakeServer) -> None:
    """Answer until there are no more questions.

    Args:
        connection: questions come from there, as (verb, about), and None at the end.
        make: makes what answers.
    """
    # Whoever kills this process kills those that it has started.
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    quiet()
    try:
        server = make()
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is the answer)
        connection.send(Unmade(_words(error)))
        return
    tell = partial(_tell, connection, os.getpid())
    tell(Ready())
    with closing(server):
        while (question := _heard(connection)) is not None:
            try:
                told: Answer | Raised = Answer(server.answer(*question, tell))
            except BaseException as error:  # noqa: BLE001 (as above)
                told = Raised(_words(error))
            tell(told)


def _tell(connection: Connection, asked: int, words: object) -> None:
    if os.getpid() != asked:
        # A child that what is asked has forked, and that came out of it: its words would be taken
        # for the answer to the next question.
        os._exit(0)
    # Whoever asked may be gone; what is being asked is ended as it should be all the same.
    with suppress(OSError):
        connection.send(words)


def _heard(connection: Connection) -> tuple[str, str] | None:
    try:
        question: tuple[str, str] | None = connection.recv()
    except (EOFError, OSError):
        # Whoever asked is gone.
        return None
    return question


def _words(error: BaseException) -> str:
    """Give what an error says; the class is told of those that aren't made for people."""
    return clean(str(error)) if isinstance(error, AideDeCampError | ValueError) else said(error)
