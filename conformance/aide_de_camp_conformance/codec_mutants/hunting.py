"""Running the kit against a broken codec, to see what turns red."""

from __future__ import annotations

import logging

from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_mutants import CODEC_MUTANTS
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.running import run_codec_requirement
from aide_de_camp_conformance.running import Outcome, Result

ROUNDS = 6
"""Values of a kind: a mutant that some rare value alone finds would prove nothing."""


def turned(harness: type[CodecHarness], *, also: frozenset[str] = frozenset()) -> dict[str, Result]:
    """Run the requirements against a codec.

    Args:
        harness: gives it.
        also: ids of heavy ones, which are run only if they are named.

    Returns:
        How each fared that was run.
    """
    return {
        each.id: run_codec_requirement(each, harness(), rounds=ROUNDS)
        for each in CODEC_REQUIREMENTS.values()
        if not each.heavy or each.id in also
    }


def hunt(name: str) -> dict[str, str]:
    """Run the requirements against the mutant of a name, in a process that does nothing else.

    Heavy ones are run only where the mutant declares that they catch it. It stands here, where a
    process that is spawned can import it.

    Returns:
        The ids of those that turned red, and what each said.
    """
    logger = logging.getLogger("aide_de_camp")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    mutant = CODEC_MUTANTS[name]
    return {
        each: result.message or ""
        for each, result in turned(mutant, also=mutant.kills).items()
        if result.outcome in (Outcome.FAILED, Outcome.ERROR)
    }
