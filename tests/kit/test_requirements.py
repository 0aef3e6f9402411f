"""The requirements themselves: named, said, and each of a known clause."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from aide_de_camp.spi import Capability
from aide_de_camp_conformance import REQUIREMENTS
from aide_de_camp_conformance.codec_suite.requirement import CodecRequirement, codec_requirement
from aide_de_camp_conformance.requirement import Requirement, collect, requirement

CLAUSES = {
    "ENQ": {1, 2, 3, 4, 5, 6, 8},
    "PRI": set(range(1, 9)),
    "CAN": set(range(1, 10)),
    "DEC": set(range(1, 8)),
    "LEA": set(range(1, 7)),
    "RET": set(range(1, 10)),
    "LIV": set(range(1, 5)),
    "KEP": {1},
    "OBS": set(range(1, 6)),
    "ERR": {1, 2},
    "TXN": {1},
    "WAK": {1},
    "SHR": {1},
    "MOV": {1, 2, 3},
    "DUR": {1},
}
"""Every clause of the contract but those of what isn't there yet: ENQ-7, CRO and ABT."""


def test_every_clause_has_a_requirement_and_every_requirement_a_clause():
    found: dict[str, set[int]] = {}
    for each in REQUIREMENTS.values():
        group, number = each.clause.split("-")
        found.setdefault(group, set()).add(int(number))
    assert found == CLAUSES


@pytest.mark.parametrize("each", REQUIREMENTS.values(), ids=lambda each: each.id)
def test_a_requirement_is_named_and_says_what_must_be(each):
    assert re.fullmatch(rf"{each.clause}\.[a-z_]+", each.id)
    assert each.level in (1, 2, 3)
    assert each.sentence.endswith(".")
    assert each.capability is None or each.unless is None


def test_a_requirement_needs_a_sentence_and_a_word():
    async def said(kit) -> None:
        """It is so."""

    async def unsaid(kit) -> None: ...

    for bad in (("PRI-2", said), ("PRI-2.", said), ("PRI-2.order", unsaid)):
        with pytest.raises(ValueError, match="docstring"):
            requirement(bad[0], level=1)(bad[1])


def test_ids_are_unique():
    async def check(kit) -> None:
        """It is so."""

    module = ModuleType("twice")
    module.one = requirement("PRI-2.order", level=1)(check)
    module.two = requirement("PRI-2.order", level=1)(check)
    with pytest.raises(ValueError, match=r"PRI-2\.order"):
        collect([module], Requirement)


def test_a_codec_s_and_a_backend_s_are_gathered_alike():
    async def check(kit) -> None:
        """It is so."""

    def examine(kit) -> None:
        """It is so."""

    module = ModuleType("both")
    module.backend = requirement("PRI-2.order", level=1)(check)
    module.codec = codec_requirement("COD-1.order")(examine)
    module.other = check
    assert collect([module], CodecRequirement) == {"COD-1.order": module.codec}


def test_capabilities_have_two_sides():
    async def check(kit) -> None:
        """It is so."""

    here, not_here = frozenset({Capability.SHARED}), frozenset[Capability]()
    where = requirement("SHR-1.x", level=3, capability=Capability.SHARED)(check)
    unless = requirement("SHR-1.y", level=3, unless=Capability.SHARED)(check)
    both = requirement("SHR-1.w", level=3, capability=Capability.SHARED, also=Capability.WAKE_UP)(
        check
    )
    always = requirement("SHR-1.z", level=1)(check)
    assert (where.applies(here), where.applies(not_here)) == (True, False)
    assert (unless.applies(here), unless.applies(not_here)) == (False, True)
    assert always.applies(not_here)
    assert (both.applies(here), both.applies(here | {Capability.WAKE_UP})) == (False, True)
    assert not both.applies(frozenset({Capability.WAKE_UP}))


def test_a_heavy_one_is_given_more_time():
    async def check(kit) -> None:
        """It is so."""

    heavy = requirement("PRI-2.heavy", level=1, heavy=True)(check)
    light = requirement("PRI-2.light", level=1)(check)
    bounded = requirement("PRI-2.bounded", level=1, heavy=True, time_limit=7)(check)
    assert heavy.time_limit > heavy.patience > light.patience
    assert light.time_limit > light.patience
    assert bounded.time_limit == 7
