"""What a listing says of one plugin."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.spi import Capability, SpiVersion


class PluginStatus(StrEnum):
    """Whether a plugin can be used, and if not, why."""

    OK = "ok"
    MISSING_DEPENDENCY = "missing dependency"
    BROKEN = "broken"
    INCOMPATIBLE = "incompatible"
    CONFLICT = "conflict"
    DISABLED = "disabled"


@frozen
class PluginInfo:
    """One line of the listing.

    Attributes:
        kind: what the plugin adds.
        name: its URL scheme, codec name or extension name.
        status: whether it can be used.
        distribution: the installed distribution that announces it; None if the application
            registered it.
        version: that distribution's version; None where unknown.
        spi: the SPI version that it was built for; None for an extension, and for a plugin that
            couldn't be loaded.
        capabilities: what a backend may offer at its best settings.
        summary: its own one line.
        detail: what is wrong and what to do; empty where the status is ok.
    """

    kind: PluginKind
    name: str
    status: PluginStatus
    distribution: str | None = None
    version: str | None = None
    spi: SpiVersion | None = None
    capabilities: frozenset[Capability] = frozenset()
    summary: str = ""
    detail: str = ""
