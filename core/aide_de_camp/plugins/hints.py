"""What to do about a plugin that isn't there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from importlib import metadata
from typing import Final

from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.plugins.requirements import extras_of

DISTRIBUTION: Final = "aide-de-camp"

KNOWN_EXTRAS: Final = {
    "sqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "redis": "redis",
    "rediss": "redis",
    "pydantic": "pydantic",
}
"""Names that people ask for, and the extra of this distribution that serves each."""


def install_command(distribution: str, extra: str | None) -> str:
    """Write the command that installs a distribution with an extra."""
    return f"pip install '{distribution}[{extra}]'" if extra else f"pip install {distribution}"


def own_extras() -> Sequence[str]:
    """Name the extras of the installed aide-de-camp; none where it isn't installed."""
    try:
        return extras_of(metadata.distribution(DISTRIBUTION))
    except metadata.PackageNotFoundError:
        return ()


def not_found(kind: PluginKind, name: str, names: Sequence[str], extras: Sequence[str]) -> str:
    """Say that a plugin isn't installed, what is, and what may have been meant.

    Args:
        kind: what was asked for.
        name: the name that was asked for.
        names: the names that are installed.
        extras: the extras that the installed aide-de-camp offers.
    """
    listed = ", ".join(sorted(set(names))) or "none"
    sentences = [f"no {kind} {name!r} is installed", f"Installed: {listed}"]
    near = difflib.get_close_matches(name, sorted(set(names)), n=1)
    if near:
        sentences.append(f"Did you mean {near[0]!r}?")
    extra = KNOWN_EXTRAS.get(name)
    if extra in extras:
        sentences.append(f"To add it: {install_command(DISTRIBUTION, extra)}")
    elif not near:
        sentences.append(
            f"Install a distribution that announces it in {kind.group}, then look at 'adc plugins'"
        )
    return ". ".join(sentences).replace("?. ", "? ")
