"""``python -m aide_de_camp_conformance.contract``: the behaviour contract, as a page of the docs.

The page is made of the requirements' own sentences, so it can't say what nothing checks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.suite import REQUIREMENTS

_GROUPS: Final = {
    "ENQ": "Scheduling",
    "PRI": "Priority and order",
    "CAN": "Cancelling what has not started",
    "DEC": "Decode failures",
    "LEA": "Leases",
    "RET": "Retries, the dead queue, what handlers return",
    "LIV": "Liveness and shutdown",
    "KEP": "Keeping",
    "OBS": "Looking",
    "ERR": "Errors",
    "TXN": "Capability: scheduling in the user's transaction",
    "WAK": "Capability: wake-ups",
    "SHR": "Capability: several processes",
    "MOV": "Capability: moving to another storage",
    "DUR": "Capability: durability",
}

_INTRODUCTION: Final = """\
# The behaviour contract

What every storage backend must do, requirement by requirement. This page is generated from the
conformance kit (`python -m aide_de_camp_conformance.contract`): each sentence is checked on every
backend by the code that it stands above, and for each there is a deliberately broken backend on
which that check fails.

**Levels.** 1: one caller, one step after the other. 2: races, leases, kill -9, lost replies. 3:
declared capabilities. A backend reaches a level when all requirements up to it hold, with nothing
left out. What *needs* something can't be asked without it: a report then says why, and names it
beside the level.

**Words.** A job is *scheduled* (waiting, due or not), *running* (claimed under a lease) or
*finished*: *completed*, *cancelled* or *dead*. *Live* is scheduled or running; *held* is
neither, while it is being moved. *Due* is
scheduled, with a time that has come. A *claim* hands jobs out under a lease; to *settle* is to
end an attempt.

DUR-2, that what was acknowledged survives a loss of power, is declared from the settings found
and reported; nothing here can pull the plug.
"""

NOT_YET: Final = {
    "ENQ-7": "unique keys",
    "CRO-1 to CRO-6": "cron schedules",
    "ABT-1": "aborting what runs",
}
"""Clauses of what this version doesn't have: nothing asks for them."""

_NOT_YET: Final = """\
## Not asked yet

These clauses are of what this version doesn't have, so no level says anything of them: {clauses}.
With them go the parts of RET-4 and LIV-4 that speak of unique keys and cron schedules.
"""

_CODECS: Final = """\
## Codecs

What every codec must do: `CodecConformance` checks it, and `adc conformance codec NAME`. The
clauses COD are of codecs alone: binding (1), threads (2), determinism (3), code that is run (4),
cost (5).
"""


def page() -> str:
    """Write the page, as Markdown."""
    groups: defaultdict[str, dict[str, list[Requirement]]] = defaultdict(dict)
    for each in REQUIREMENTS.values():
        group = each.clause.partition("-")[0]
        groups[group].setdefault(each.clause, []).append(each)
    unnamed = groups.keys() - _GROUPS.keys()
    if unnamed:
        raise ValueError(f"these groups have no title: {', '.join(sorted(unnamed))}")
    lines = [_INTRODUCTION]
    for group, title in _GROUPS.items():
        lines += [f"## {group}: {title}", ""]
        for clause in sorted(groups[group], key=lambda name: int(name.partition("-")[2])):
            lines += [f"**{clause}**", ""]
            lines += [_line(each) for each in groups[group][clause]]
            lines.append("")
    clauses = ", ".join(f"{clause} ({what})" for clause, what in NOT_YET.items())
    lines += [_NOT_YET.format(clauses=clauses), _CODECS]
    by_clause: defaultdict[str, list[Requirement]] = defaultdict(list)
    for codec in CODEC_REQUIREMENTS.values():
        by_clause[codec.clause].append(codec)
    for clause, requirements in by_clause.items():
        lines += [f"**{clause}**", "", *map(_line, requirements), ""]
    return "\n".join(lines)


def _line(each: Requirement) -> str:
    only = ""
    if each.wanted:
        names = " and ".join(capability.value for capability in each.wanted)
        only = f", where {names} {'is' if len(each.wanted) == 1 else 'are'} declared"
    if each.unless is not None:
        only = f", where {each.unless.value} isn't declared"
    if each.needs is not None:
        only += f"; needs {each.needs.value}"
    return f"- `{each.id}` (level {each.level}{only}) {each.sentence}"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (that is what it is for)
