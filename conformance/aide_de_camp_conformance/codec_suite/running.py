"""Running the codecs' requirements, without pytest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement, NotAsked
from aide_de_camp_conformance.running import Outcome, Result


def run_codec_requirement(
    requirement: CodecRequirement, harness: CodecHarness, *, rounds: int = 30
) -> Result:
    """Run one requirement against a codec.

    Args:
        requirement: what to check.
        harness: gives the codec.
        rounds: how many values of a kind are tried, 1 or more.

    Returns:
        How it fared; whatever is raised is in it, but for KeyboardInterrupt and SystemExit.
    """
    start = time.monotonic()

    def ended(outcome: Outcome, error: BaseException | None = None) -> Result:
        return Result(requirement, outcome, error, time.monotonic() - start)

    try:
        kit = CodecKit(harness, rounds=rounds)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is the answer)
        return ended(Outcome.ERROR, error)
    try:
        requirement.examine(kit)
    except NotAsked:
        return ended(Outcome.NOT_DECLARED)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 (as above)
        return ended(Outcome.FAILED, error)
    return ended(Outcome.PASSED)


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
