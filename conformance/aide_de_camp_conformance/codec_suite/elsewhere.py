"""The codecs' requirements in another process: what ends it, or hangs, is survived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias, cast

from attrs import define, field

from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement
from aide_de_camp_conformance.codec_suite.running import run_codec_requirement
from aide_de_camp_conformance.pool import WAIT, Pool, Question, Reply, Unstarted
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.serving import Answer
from aide_de_camp_conformance.watching import Begin, Step, Watch

MakeCodecHarness: TypeAlias = Callable[[], CodecHarness]
Told: TypeAlias = tuple[Outcome, float, str | None]
"""Outcome, seconds, message."""
_LOOKING = 60.0
"""Seconds that a codec has to be made, and to be bound to one payload type."""


class _Server:
    """Runs requirements against its own harness."""

    def __init__(self, make: MakeCodecHarness, time_limit: float | None) -> None:
        self._harness = make()
        self._time_limit = time_limit

    def answer(self, verb: str, about: str, begin: Begin) -> object:
        """See :class:`aide_de_camp_conformance.serving.Server`."""
        if verb == "find":
            return self._found(begin)
        if verb == "bind":
            return self._refuses(about, begin)
        result = run_codec_requirement(
            CODEC_REQUIREMENTS[about], self._harness, time_limit=self._time_limit, begin=begin
        )
        told: Told = (result.outcome, result.seconds, result.message)
        return told

    def close(self) -> None:
        """Do nothing."""

    def _found(self, begin: Begin) -> bool:
        with Watch(begin) as watch:
            watch.begin(Step("loading the codec", self._time_limit or _LOOKING))
            try:
                self._harness.descriptor()
            except LookupError:
                return False
        return True

    def _refuses(self, kind: str, begin: Begin) -> bool:
        with Watch(begin) as watch:
            watch.begin(Step("binding the codec", self._time_limit or _LOOKING))
            kit = CodecKit(self._harness)
            return kit.bound(kit.kinds[kind].form) is None


@define(eq=False)
class CodecProcess:
    """Runs requirements in one other process, which is begun anew where it ended or was killed.

    Attributes:
        make: makes a harness there; it must be picklable.
        time_limit: seconds that each requirement has; None leaves each its own.
        patience: seconds beyond a limit after which a process that hangs is killed.
    """

    make: MakeCodecHarness
    time_limit: float | None = None
    patience: float = WAIT
    _pool: Pool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pool = Pool(1, partial(_Server, self.make, self.time_limit), self.patience)

    def is_installed(self) -> bool:
        """Say whether the codec is found; one of which that can't be said is."""
        reply = self._pool.ask(Question("find"))
        return reply.value is True if isinstance(reply, Answer) else True

    def refused(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """Give those kinds of payload that the codec refuses; others it takes, or fails at."""
        questions = [Question("bind", each) for each in kinds]
        replies = self._pool.replies(questions)
        return tuple(
            question.about
            for question, reply in replies
            if isinstance(reply, Answer) and reply.value is True
        )

    def results(self, wanted: Iterable[CodecRequirement]) -> Iterator[Result]:
        """Run requirements, and give each result as it comes.

        One that no process could be begun for is an ERROR: nothing was found out.
        """
        for question, reply in self._pool.replies(Question("run", each.id) for each in wanted):
            yield _result(CODEC_REQUIREMENTS[question.about], reply)

    def close(self) -> None:
        """End the process; a requirement that it runs is interrupted."""
        self._pool.close()


def _result(requirement: CodecRequirement, reply: Reply) -> Result:
    if isinstance(reply, Answer):
        outcome, seconds, message = cast("Told", reply.value)
        return Result(requirement, outcome, None, seconds, message)
    outcome = Outcome.ERROR if isinstance(reply, Unstarted) else Outcome.FAILED
    return Result(requirement, outcome, message=reply.words)
