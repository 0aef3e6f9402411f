"""The kit's part for codecs as pytest tests: subclass, name a harness, and that is it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import pytest

from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.kinds import Kind, kinds_of
from aide_de_camp_conformance.codec_suite.records import RECORDS
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement
from aide_de_camp_conformance.codec_suite.running import run_codec, run_codec_requirement
from aide_de_camp_conformance.running import Outcome

__all__ = [
    "CODEC_REQUIREMENTS",
    "KINDS",
    "CodecConformance",
    "CodecHarness",
    "Kind",
    "run_codec",
]

KINDS: Final = tuple(each.name for each in kinds_of(RECORDS))
"""The names of the kinds of payload that the kit tries."""


class CodecConformance:
    """Makes one test per requirement, named by its id.

    ``class TestMine(CodecConformance): harness = MyCodecHarness`` is all of it. A requirement
    can't be overridden or left out: what a codec doesn't keep is to be seen.

    Attributes:
        harness: makes the harness, without arguments; its class does.
    """

    harness: ClassVar[type[CodecHarness]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        taken = sorted(set(vars(cls)) & set(_TESTS))
        if taken:
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(taken)}: a requirement can't be changed, "
                "nor left out"
            )
        for name, requirement in _TESTS.items():
            setattr(cls, name, _test_of(requirement, name))

    @classmethod
    def check(cls, requirement: CodecRequirement) -> None:
        """Run one requirement, and raise what it raised."""
        result = run_codec_requirement(requirement, cls.harness())
        if result.error is not None:
            result.error.add_note(f"{requirement.id}: {requirement.sentence}")
            raise result.error
        if result.outcome is Outcome.NOT_DECLARED:
            pytest.skip("it isn't asked of a codec that declares, or takes, what this one does")


def _test_of(requirement: CodecRequirement, name: str) -> Callable[[CodecConformance], None]:
    def test(self: CodecConformance) -> None:
        self.check(requirement)

    test.__name__ = name
    test.__qualname__ = f"CodecConformance.{name}"
    test.__doc__ = requirement.sentence
    return test


_TESTS = {
    f"test_{each.id.replace('-', '_').replace('.', '_')}": each
    for each in CODEC_REQUIREMENTS.values()
}
