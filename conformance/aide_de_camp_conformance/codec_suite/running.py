"""Running the codecs' requirements, without pytest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.finding import refuse_while_loading
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement, NotAsked
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.said import said
from aide_de_camp_conformance.watching import Begin, Hung, Step, Watch


class _HarnessBroken(Exception):
    pass


def run_codec_requirement(
    requirement: CodecRequirement,
    harness: CodecHarness,
    *,
    rounds: int = 30,
    time_limit: float | None = None,
    begin: Begin | None = None,
) -> Result:
    """Run one requirement against a codec.

    What hangs is interrupted, if this is the main thread.

    Args:
        requirement: what to check.
        harness: gives the codec.
        rounds: how many values of a kind are tried, 1 or more.
        time_limit: seconds; None takes the requirement's own.
        begin: told of the step that may hang, as it begins; None tells nobody.

    Returns:
        How it fared; whatever is raised is in it, but for KeyboardInterrupt.

    Raises:
        RuntimeError: it is called while a harness's module is imported in another process.
    """
    refuse_while_loading()
    limit = requirement.time_limit if time_limit is None else time_limit
    start = time.monotonic()

    def ended(outcome: Outcome, error: BaseException | None = None) -> Result:
        message = None if error is None else said(error)
        return Result(requirement, outcome, error, time.monotonic() - start, message)

    with Watch(begin) as watch:
        try:
            watch.begin(Step("it", limit))
            return ended(_examined(requirement, harness, rounds))
        except _HarnessBroken as error:
            return ended(Outcome.ERROR, error.__cause__)
        except Hung as error:
            return ended(Outcome.FAILED, AssertionError(str(error)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it is, SystemExit too, it is the answer)
            return ended(Outcome.FAILED, error)


def _examined(requirement: CodecRequirement, harness: CodecHarness, rounds: int) -> Outcome:
    try:
        kit = CodecKit(harness, rounds=rounds)
    except Exception as error:
        raise _HarnessBroken from error
    try:
        requirement.examine(kit)
    except NotAsked:
        return Outcome.NOT_DECLARED
    return Outcome.PASSED


def run_codec(
    harness: CodecHarness,
    *,
    only: Iterable[str] = (),
    tell: Callable[[Result], None] | None = None,
) -> tuple[Result, ...]:
    """Run the requirements against a codec.

    Args:
        harness: gives the codec.
        only: ids, or beginnings of ids: leave out all others.
        tell: called with each result as it comes.

    Returns:
        What was found, in the order of the requirements.
    """
    beginnings = tuple(only)
    results: list[Result] = []
    for requirement in CODEC_REQUIREMENTS.values():
        if beginnings and not requirement.id.startswith(beginnings):
            continue
        results.append(run_codec_requirement(requirement, harness))
        if tell is not None:
            tell(results[-1])
    return tuple(results)
