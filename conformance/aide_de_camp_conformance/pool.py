"""Processes that answer questions, each begun anew where it died or had to be killed."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import Final, TypeAlias

from attrs import field, frozen

from aide_de_camp_conformance.serving import Answer, MakeServer, Raised, Ready, Unmade, serve
from aide_de_camp_conformance.watching import GRACE, Step

WAIT: Final = 3 * GRACE
"""Seconds beyond a step's limit after which the process is killed: it may yet end it by itself."""
_START: Final = Step("beginning", 120.0)
_END: Final = 10.0
"""Seconds that a process has to end when it is told to."""
_LOOK: Final = 1.0
"""Seconds between two looks whether one died: what it left running may hide that it did."""
_STARTS: Final = 3
"""Processes in a row that can't be asked anything, after which no more are begun."""


@frozen
class Question:
    """What to ask, by words that a :class:`Server` knows."""

    verb: str
    about: str = ""


@frozen
class Lost:
    """There is no answer: the process is gone.

    Attributes:
        words: say how.
        place: the namespace of the place that it was at; None where it was at none.
    """

    words: str
    place: str | None


@frozen
class Unstarted:
    """There is no answer: no process that could be asked came into being."""

    words: str


Reply: TypeAlias = Answer | Raised | Lost | Unstarted


class _Worker:
    """One process, and what it is asked.

    Attributes:
        question: what it is asked now; None if nothing.
        connection: its answers come from there.
    """

    def __init__(self, make: MakeServer, patience: float) -> None:
        # Spawned: a fork would share what this process has open.
        context = get_context("spawn")
        self.connection, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, make))
        self._process.start()
        there.close()
        self._patience = patience
        self._is_ready = False
        self.question: Question | None = None
        self._at(_START)

    def ask(self, question: Question) -> bool:
        """Ask; False if the process is gone, so that another must be asked."""
        self.question = question
        if self._is_ready:
            self._at(_START)
        try:
            self.connection.send((question.verb, question.about))
        except OSError:
            return False
        return True

    @property
    def has_begun(self) -> bool:
        """Whether it got to what it is asked."""
        return self._step is not _START

    @property
    def left(self) -> float:
        """Seconds until it is to be killed."""
        return self._deadline - time.monotonic()

    def hear(self) -> Reply | None:
        """Hear the next that it says, if it says anything; None if that is no reply yet."""
        try:
            if self.connection.poll():
                return self._understood(self.connection.recv())
        except Exception:  # noqa: BLE001 (what comes may be anything: it isn't itself any more)
            self._process.join(_END)
            return self._lost()
        if self._process.exitcode is not None:
            # It may have answered in its last moment.
            return None if self.connection.poll() else self._lost()
        if self.left <= 0:
            self.kill()
            return Lost(f"{self._step.hung}: its process was killed", self._step.place)
        return None

    def tell_to_end(self) -> None:
        """Tell it to end, which it does when it gets to it; :meth:`end` waits for it."""
        with suppress(OSError):
            self.connection.send(None)
        if self.question is not None and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGINT)

    def end(self) -> None:
        """Wait for its end, and kill it if that doesn't come."""
        self._process.join(_END)
        self.kill()

    def kill(self) -> None:
        """Kill it, and whatever it started and left."""
        if self._process.pid is not None and hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _understood(self, told: object) -> Reply | None:
        if isinstance(told, Step):
            self._at(told)
            return None
        if isinstance(told, Ready):
            self._is_ready = True
            self._at(_START)
            return None
        if isinstance(told, Unmade):
            self.kill()
            return Unstarted(told.words)
        if isinstance(told, Answer | Raised):
            self.question = None
            return told
        raise TypeError(f"a process said {type(told).__name__}")

    def _at(self, step: Step) -> None:
        self._step = step
        self._deadline = time.monotonic() + step.seconds + self._patience

    def _lost(self) -> Reply:
        how = _how(self._process.exitcode)
        self.kill()
        if not self._is_ready:
            return Unstarted(
                f"{how} before it could be asked anything; a script runs the kit under "
                '`if __name__ == "__main__":`, since other processes import it'
            )
        doing = self._step.doing
        when = "this requirement was asked" if doing == "it" else doing
        return Lost(f"{how} while {when}", self._step.place)


def _how(code: int | None) -> str:
    if code is None:
        return "the process answered no more"
    if code >= 0:
        return f"the process ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"the process was ended by {name}"


@frozen
class Pool:
    """Some processes.

    Args:
        count: how many at once, at most.
        make: makes what answers, in each; it must be picklable.
        patience: seconds that a step may take beyond its limit.
    """

    count: int
    make: MakeServer
    patience: float = WAIT
    _idle: list[_Worker] = field(factory=list[_Worker], init=False)
    _busy: list[_Worker] = field(factory=list[_Worker], init=False)

    def replies(self, questions: Iterable[Question]) -> Iterator[tuple[Question, Reply]]:
        """Ask, and give each reply as it comes. Whoever stops asking must close the pool."""
        waiting = deque(questions)
        again: list[Question] = []
        unstarted = 0
        while waiting or self._busy:
            while waiting and len(self._busy) < self.count:
                self._ask(waiting.popleft())
            for worker, question, reply in self._heard():
                self._busy.remove(worker)
                if isinstance(reply, Answer | Raised):
                    self._idle.append(worker)
                if isinstance(reply, Lost) and not worker.has_begun and question not in again:
                    # It died of what it was asked before: this one has nothing to do with it.
                    again.append(question)
                    waiting.appendleft(question)
                    continue
                unstarted = unstarted + 1 if isinstance(reply, Unstarted) else 0
                yield question, reply
                if isinstance(reply, Unstarted) and unstarted >= _STARTS:
                    while waiting:
                        yield waiting.popleft(), reply

    def ask(self, question: Question) -> Reply:
        """Ask one alone."""
        ((_, reply),) = self.replies([question])
        return reply

    def close(self) -> None:
        """End all processes; one that is asked something is interrupted."""
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        self._busy.clear()
        for each in workers:
            each.tell_to_end()
        for each in workers:
            each.end()

    def _ask(self, question: Question) -> None:
        while self._idle:
            worker = self._idle.pop()
            if worker.ask(question):
                self._busy.append(worker)
                return
            worker.kill()
        worker = _Worker(self.make, self.patience)
        worker.ask(question)
        self._busy.append(worker)

    def _heard(self) -> list[tuple[_Worker, Question, Reply]]:
        soonest = min(_LOOK, *(each.left for each in self._busy))
        wait([each.connection for each in self._busy], max(soonest, 0.0))
        heard: list[tuple[_Worker, Question, Reply]] = []
        for worker in self._busy:
            question = worker.question
            if question is not None and (reply := worker.hear()) is not None:
                heard.append((worker, question, reply))
        return heard
