"""The kit's own version, and what tells one set of requirements from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from aide_de_camp_conformance.requirement import Requirement

KIT_VERSION: Final = "0.1"
"""The version that a claim names: "level 2 of kit 0.1".

A requirement that is added, or asks for more, comes with a new version, which its ``since`` names.
It goes apart from the package's: a release that asks for nothing new leaves claims as they are.
"""


def digest(requirements: Mapping[str, Requirement]) -> str:
    """Sum up what is asked: ids, levels, capabilities, needs and sentences, in any order.

    Returns:
        ``sha256:`` and 64 hexadecimal digits.
    """
    lines = sorted(
        "\t".join(
            (
                each.id,
                str(each.level),
                each.since,
                " ".join(capability.value for capability in each.wanted),
                "" if each.unless is None else each.unless.value,
                "" if each.needs is None else each.needs.name,
                each.sentence,
            )
        )
        for each in requirements.values()
    )
    summed = hashlib.sha256("\n".join(lines).encode())
    return f"sha256:{summed.hexdigest()}"
