"""Several requirements at once, each process with a harness of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.util import Finalize

from attrs import define, field, frozen

from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.logs import quiet
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.running import Outcome, Result, run_requirement
from aide_de_camp_conformance.said import said
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.url_harness import UrlHarness

MakeHarness = Callable[[], Harness]
Told = tuple[Outcome, float, str | None, list[str]]
"""Outcome, seconds, message, and places that couldn't be removed."""


@frozen
class Processes:
    """How to run requirements elsewhere.

    Attributes:
        count: how many processes.
        make: makes a harness in each; it must be picklable.
        left: names of places that couldn't be removed.
    """

    count: int
    make: MakeHarness
    left: list[str] = field(factory=list[str])

    def results(self, wanted: Sequence[Requirement]) -> Iterator[Result]:
        """Run requirements, and give each result as it comes.

        One whose process died is an ERROR: nothing was found out.
        """
        # Spawned: a fork would share what this process has open.
        with ProcessPoolExecutor(
            self.count,
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(self.make,),
        ) as pool:
            # What waits for real takes the longest, so it isn't left to the end.
            heavy_first = sorted(wanted, key=lambda each: not each.heavy)
            asked = {_submitted(pool, each.id): each for each in heavy_first}
            try:
                for future in as_completed(asked):
                    yield self._result(asked[future], future)
            finally:
                # Whoever stops asking, by an interrupt for instance, waits only for what runs.
                pool.shutdown(wait=False, cancel_futures=True)

    def _result(self, requirement: Requirement, future: Future[Told]) -> Result:
        try:
            outcome, seconds, message, left = future.result()
        except BrokenProcessPool as error:
            return Result(requirement, Outcome.ERROR, error, 0.0, said(error))
        self.left.extend(left)
        return Result(requirement, outcome, None, seconds, message)


@define
class _Own:
    """What a process of the pool keeps between two requirements."""

    harness: Harness | None = None


_OWN = _Own()


def _begin(make: MakeHarness) -> None:
    quiet()
    _OWN.harness = harness = make()
    # A process of a pool runs these at its end, and none of atexit's.
    Finalize(None, harness.close, exitpriority=10)


def _submitted(pool: ProcessPoolExecutor, id_: str) -> Future[Told]:
    try:
        return pool.submit(_run, id_)
    except BrokenProcessPool as error:
        broken: Future[Told] = Future()
        broken.set_exception(error)
        return broken


def _run(id_: str) -> Told:
    assert _OWN.harness is not None
    # An error travels as words: not every exception can be pickled.
    result = run_requirement(REQUIREMENTS[id_], _OWN.harness)
    left: list[str] = []
    if isinstance(_OWN.harness, UrlHarness):
        left, _OWN.harness.left = _OWN.harness.left, []
    return (result.outcome, result.seconds, result.message, left)
