"""The kit as pytest tests: subclass, name a harness, and every requirement is a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aide_de_camp_conformance.deviations import check_deviations, judged
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.introduction import Introduction, introduce
from aide_de_camp_conformance.levels import HIGHEST
from aide_de_camp_conformance.publishing import compare, compare_outcome
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.running import Outcome, Result, run_requirement
from aide_de_camp_conformance.suite import REQUIREMENTS


class BackendConformance:
    """Makes one test per requirement, named by its id.

    ``class TestMine(BackendConformance): harness = MyHarness`` is all of it. A requirement can't
    be overridden or left out: what a backend doesn't keep is to be seen, or declared in the
    harness's ``deviations``.

    Attributes:
        harness: makes the harness, without arguments; its class does.
        level: the highest level that is asked for, 1 to 3; what is above it is skipped. ``pytest
            --adc-level`` may lower it, and doesn't raise it.
        published: the file of a report that is committed, if any. What is found must agree with
            it; ``pytest --adc-publish`` writes it anew.
        asked: the lower of the two, in this test.
        result: how the requirement of this test fared.
    """

    harness: ClassVar[type[Harness]]
    level: ClassVar[int] = HIGHEST
    published: ClassVar[Path | None] = None
    asked: int = HIGHEST
    result: Result | None = None
    _open: ClassVar[Harness]
    _introduction: ClassVar[Introduction | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        taken = sorted(set(vars(cls)) & {*_TESTS, "run", "check", "introduction"})
        if taken:
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(taken)}: a requirement can't be changed, "
                "nor left out"
            )
        if cls.level not in range(1, HIGHEST + 1):
            raise ValueError(f"{cls.__name__}: level must be 1 to {HIGHEST}, not {cls.level!r}")
        _check_harness(cls)
        check_deviations(getattr(cls, "harness", Harness).deviations)
        for name, requirement in _TESTS.items():
            setattr(cls, name, _test_of(requirement, name))
        if cls.published is not None:
            cls.test_published_report = _test_published  # type: ignore[attr-defined]  # only here

    @classmethod
    def make_harness(cls) -> Harness:
        """Make the harness."""
        if not hasattr(cls, "harness"):
            raise TypeError(f"{cls.__name__} names no harness: write 'harness = MyHarness' in it")
        return cls.harness()

    @classmethod
    def setup_class(cls) -> None:
        """Make the harness; pytest calls it."""
        cls._open = cls.make_harness()
        cls._introduction = None

    @classmethod
    def teardown_class(cls) -> None:
        """Close the harness; pytest calls it."""
        cls._open.close()

    @classmethod
    def introduction(cls) -> Introduction:
        """Say what the storage says of itself; asked once."""
        if cls._introduction is None:
            cls._introduction = introduce(cls._open)
        return cls._introduction

    @classmethod
    def run(cls, requirement: Requirement) -> Result:
        """Run one requirement, declared deviations taken into account."""
        return judged(run_requirement(requirement, cls._open), cls._open.deviations)

    @classmethod
    def check(cls, requirement: Requirement) -> None:
        """Run one requirement, and raise what it raised."""
        tell(cls.run(requirement))


def _check_harness(cls: type[BackendConformance]) -> None:
    harness: object = getattr(cls, "harness", Harness)
    if isinstance(harness, Harness):
        raise TypeError(f"{cls.__name__}: harness must be the class itself: leave out its '()'")


def tell(result: Result) -> None:
    """Tell pytest how a requirement fared, by what it understands.

    Raises:
        BaseException: what the requirement raised.
    """
    requirement = result.requirement
    if result.outcome is Outcome.NOT_DECLARED:
        pytest.skip(_why_not(requirement))
    if result.outcome is Outcome.NOT_ASKED:
        pytest.skip(f"not asked: {result.message}")
    if result.outcome is Outcome.DEVIATION:
        pytest.xfail(result.message or "")
    if result.error is not None:
        result.error.add_note(f"{requirement.id}: {requirement.sentence}")
        raise result.error


def _why_not(requirement: Requirement) -> str:
    if requirement.unless is not None:
        return f"{requirement.unless.value} is declared"
    names = " and ".join(each.value for each in requirement.wanted)
    return f"{names} {'is' if len(requirement.wanted) == 1 else 'are'} not declared"


def _test_of(requirement: Requirement, name: str) -> Callable[..., None]:
    def test(self: BackendConformance, request: pytest.FixtureRequest) -> None:
        self.asked = min(self.level, request.config.getoption("adc_level", default=None) or HIGHEST)
        if requirement.level > self.asked:
            pytest.skip(f"it is asked at level {requirement.level}")
        self.result = self.run(requirement)
        # A failure is told as that, whatever is published of it.
        is_compared = self.result.error is None or self.result.outcome is Outcome.DEVIATION
        if self.published is not None and is_compared and not _is_publishing(request):
            compare_outcome(self.result, self.published)
        tell(self.result)

    test.__name__ = name
    test.__qualname__ = f"BackendConformance.{name}"
    test.__doc__ = requirement.sentence
    return test


def _test_published(self: BackendConformance, request: pytest.FixtureRequest) -> None:
    """The published report is of this kit and level, and of a storage that declares the same."""
    assert self.published is not None
    if _is_publishing(request):
        pytest.skip("it is being written")
    compare(self.introduction(), self.published, self.level)


def _is_publishing(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("adc_publish", default=False))


_TESTS = {
    f"test_{each.id.replace('-', '_').replace('.', '_')}": each for each in REQUIREMENTS.values()
}
