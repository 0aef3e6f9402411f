"""Turns a plugin, usable or not, into a line of the listing."""

from __future__ import annotations

from aide_de_camp.plugins.guard import dependency_missing
from aide_de_camp.plugins.hints import install_command
from aide_de_camp.plugins.info import PluginInfo, PluginStatus
from aide_de_camp.plugins.requirements import missing_of
from aide_de_camp.plugins.sources import Source
from aide_de_camp.plugins.verify import Descriptor
from aide_de_camp.spi import (
    AideDeCampError,
    Capability,
    PluginConflict,
    PluginDependencyMissing,
    PluginIncompatible,
    StorageDescriptor,
)

_STATUSES = {
    PluginDependencyMissing: PluginStatus.MISSING_DEPENDENCY,
    PluginIncompatible: PluginStatus.INCOMPATIBLE,
    PluginConflict: PluginStatus.CONFLICT,
}


def status_of(error: AideDeCampError) -> PluginStatus:
    """Sort a plugin's error; what isn't one of the known kinds is a broken plugin."""
    return next(
        (status for kind, status in _STATUSES.items() if isinstance(error, kind)),
        PluginStatus.BROKEN,
    )


def check_requirements(source: Source, descriptor: Descriptor) -> None:
    """Look whether what the plugin's extra brings is installed; nothing is imported.

    A driver is often imported only when a storage is opened, so a plugin that loads may still
    lack it.

    Raises:
        PluginDependencyMissing: something is missing; the message names it and the extra.
    """
    if descriptor.extra is None or source.distribution is None:
        return
    missing = missing_of(source.distribution, descriptor.extra)
    if missing:
        command = install_command(source.distribution.name, descriptor.extra)
        raise dependency_missing(source, " and ".join(missing), command)


def line(
    source: Source,
    status: PluginStatus,
    *,
    descriptor: Descriptor | None = None,
    detail: str = "",
) -> PluginInfo:
    """Write one line of the listing."""
    capabilities: frozenset[Capability] = frozenset()
    if isinstance(descriptor, StorageDescriptor):
        capabilities = descriptor.capabilities
    return PluginInfo(
        kind=source.kind,
        name=source.name,
        status=status,
        distribution=source.distribution_name,
        version=source.distribution_version,
        spi=None if descriptor is None else descriptor.spi,
        capabilities=capabilities,
        summary="" if descriptor is None else descriptor.summary,
        detail=detail,
    )
