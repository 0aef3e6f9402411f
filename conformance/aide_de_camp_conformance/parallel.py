"""Requirements in other processes, each with a harness of its own: what ends one is survived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import cast

from attrs import define, field

from aide_de_camp.spi import StorageError
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.introduction import Introduction, introduce
from aide_de_camp_conformance.pool import WAIT, Lost, Pool, Question, Reply, Unstarted
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.running import OPENING, Outcome, Result, run_requirement
from aide_de_camp_conformance.serving import Answer, Raised
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.url_harness import UrlHarness
from aide_de_camp_conformance.watching import Begin, Step

MakeHarness = Callable[[], Harness]
Told = tuple[Outcome, float, str | None]
"""Outcome, seconds, message."""


class _Server:
    """Runs requirements against its own harness."""

    def __init__(self, make: MakeHarness, time_limit: float | None) -> None:
        self._harness = make()
        self._time_limit = time_limit

    def answer(self, verb: str, about: str, begin: Begin) -> object:
        """See :class:`aide_de_camp_conformance.serving.Server`."""
        if verb == "introduce":
            return introduce(self._harness, begin)
        if verb == "remove":
            begin(Step("removing its place", OPENING))
            self._harness.remove(about)
            return self._left()
        result = run_requirement(
            REQUIREMENTS[about], self._harness, time_limit=self._time_limit, begin=begin
        )
        told: Told = (result.outcome, result.seconds, result.message)
        return (told, self._left())

    def close(self) -> None:
        """Close the harness."""
        self._harness.close()

    def _left(self) -> list[str]:
        if not isinstance(self._harness, UrlHarness):
            return []
        left, self._harness.left = self._harness.left, []
        return left


@define(eq=False)
class Processes:
    """How to run requirements elsewhere.

    A requirement that ends its process, or hangs and can't be cancelled, has failed; the next one
    is asked in another process.

    Attributes:
        count: how many processes.
        make: makes a harness in each; it must be picklable.
        time_limit: seconds that each requirement has; None leaves each its own.
        patience: seconds beyond a limit after which a process that hangs is killed.
        left: names of places that couldn't be removed.
    """

    count: int
    make: MakeHarness
    time_limit: float | None = None
    patience: float = WAIT
    left: list[str] = field(factory=list[str])
    _pool: Pool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = Pool(self.count, partial(_Server, self.make, self.time_limit), self.patience)

    def introduction(self) -> Introduction:
        """Have the storage say what it is.

        Raises:
            ValueError: there is no harness: making it raised, or ended the process.
            StorageError: the storage can't be opened.
        """
        reply = self._pool.ask(Question("introduce"))
        if isinstance(reply, Answer):
            return cast("Introduction", reply.value)
        if not isinstance(reply, Unstarted):
            self._remove(reply)
            raise StorageError(reply.words)
        raise ValueError(reply.words)

    def results(self, wanted: Sequence[Requirement]) -> Iterator[Result]:
        """Run requirements, and give each result as it comes.

        One that no process could be begun for is an ERROR: nothing was found out.
        """
        # What waits for real takes the longest, so it isn't left to the end of several.
        first = sorted(wanted, key=lambda each: self.count > 1 and not each.heavy)
        lost: list[Lost] = []
        for question, reply in self._pool.replies(Question("run", each.id) for each in first):
            if isinstance(reply, Lost):
                lost.append(reply)
            yield self._result(REQUIREMENTS[question.about], reply)
        for each in lost:
            self._remove(each)

    def close(self) -> None:
        """End the processes; one that runs a requirement is interrupted."""
        self._pool.close()

    def _result(self, requirement: Requirement, reply: Reply) -> Result:
        if isinstance(reply, Unstarted):
            return Result(requirement, Outcome.ERROR, message=reply.words)
        if isinstance(reply, Lost | Raised):
            return Result(requirement, Outcome.FAILED, message=reply.words)
        (outcome, seconds, message), left = cast("tuple[Told, list[str]]", reply.value)
        self.left.extend(left)
        return Result(requirement, outcome, None, seconds, message)

    def _remove(self, reply: Reply) -> None:
        """Remove the place that a process was at when it was lost."""
        if not isinstance(reply, Lost) or reply.place is None:
            return
        answer = self._pool.ask(Question("remove", reply.place))
        if isinstance(answer, Answer):
            self.left.extend(cast("list[str]", answer.value))
        else:
            self.left.append(reply.place)
