"""The JSON form of a codec's report."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

import msgspec
from attrs import frozen

from aide_de_camp.spi import SPI_VERSION
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.form import KitForm, OutcomeWord
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.version import KIT_VERSION, digest


@frozen(kw_only=True)
class CodecRequirementForm:
    """How one requirement fared; ``message`` is what was found where it isn't passed."""

    id: str
    level: int
    sentence: str
    outcome: OutcomeWord
    message: str | None
    seconds: float

    @property
    def clause(self) -> str:
        """The clause that it is of."""
        return self.id.partition(".")[0]


@frozen(kw_only=True)
class CodecForm:
    """A report of one codec.

    Attributes:
        format: the version of this form.
        kit: which kit it was; its digest is of the codecs' requirements.
        codec: the codec's name.
        refuses: the kinds of payload that it refuses, as it said beforehand.
        complete: whether no requirement was left out.
        holds: whether all were run and hold; never true of a partial run.
        requirements: in the order of the kit.
    """

    format: Literal[1]
    kit: KitForm
    codec: str
    refuses: list[str]
    complete: bool
    holds: bool
    requirements: list[CodecRequirementForm]

    @property
    def asked(self) -> list[CodecRequirementForm]:
        """Those that were run and say something of this codec."""
        return [each for each in self.requirements if each.outcome != Outcome.NOT_DECLARED.value]

    @property
    def broken(self) -> list[CodecRequirementForm]:
        """Those that don't hold, or couldn't be run."""
        return [each for each in self.asked if each.outcome != Outcome.PASSED.value]

    @property
    def verdict(self) -> str:
        """What a run comes to, in a few words: there are no levels of codecs."""
        count = f"passed {len(self.asked) - len(self.broken)} of {len(self.asked)}"
        return count if self.complete else f"{count}, in a partial run"


def codec_form(codec: str, refuses: Iterable[str], results: Iterable[Result]) -> CodecForm:
    """Give the form of what :func:`run_codec` found."""
    requirements = [_requirement(each) for each in results]
    complete = {each.id for each in requirements} == set(CODEC_REQUIREMENTS)
    fine = (Outcome.PASSED.value, Outcome.NOT_DECLARED.value)
    return CodecForm(
        format=1,
        kit=KitForm(
            version=KIT_VERSION,
            digest=digest(CODEC_REQUIREMENTS),
            project=None,
            spi=".".join(map(str, SPI_VERSION)),
        ),
        codec=codec,
        refuses=sorted(refuses),
        complete=complete,
        holds=complete and all(each.outcome in fine for each in requirements),
        requirements=requirements,
    )


def codec_text(form: CodecForm) -> str:
    """Give the text of its file."""
    return json.dumps(msgspec.to_builtins(form), indent=1) + "\n"


def _requirement(result: Result) -> CodecRequirementForm:
    return CodecRequirementForm(
        id=result.requirement.id,
        level=result.requirement.level,
        sentence=result.requirement.sentence,
        outcome=result.outcome.value,
        message=result.message,
        seconds=round(result.seconds, 3),
    )
