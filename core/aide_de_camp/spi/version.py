"""The version of the plugin interface, and the handshake that every plugin goes through.

The version is ``(major, minor)``. A plugin states the one that it was built for in its
descriptor. Another major version is refused; so is a newer minor one, since it may use what this
core doesn't have. An older minor version of the same major works: what was added since has
defaults. Only while the major version is 0 anything may change, and the two must be equal.
"""

from __future__ import annotations

from typing import Final

SpiVersion = tuple[int, int]

SPI_VERSION: Final[SpiVersion] = (0, 1)
"""The version of the interface that this core speaks."""


def incompatibility(built_for: SpiVersion, core: SpiVersion = SPI_VERSION) -> str | None:
    """Say why a plugin built for one SPI version can't work with a core of another.

    Args:
        built_for: the ``(major, minor)`` that the plugin states.
        core: the ``(major, minor)`` of the core; this one's by default.

    Returns:
        None where the two fit, else a sentence that names both versions and what to do.
    """
    theirs, ours = (".".join(map(str, version)) for version in (built_for, core))
    if built_for[0] != core[0]:
        newer = "aide-de-camp" if built_for[0] > core[0] else "the plugin"
        return f"it was built for SPI {theirs} and this core speaks SPI {ours}: upgrade {newer}"
    if core[0] == 0 and built_for[1] < core[1]:
        return f"it was built for SPI {theirs} and this core speaks SPI {ours}: upgrade the plugin"
    if built_for[1] > core[1]:
        return f"it needs SPI {theirs} and this core speaks SPI {ours}: upgrade aide-de-camp"
    return None
