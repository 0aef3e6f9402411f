"""Where plugins come from: installed entry points, read without importing what they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import metadata

from attrs import field, frozen

from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.plugins.requirements import normalised


@frozen
class Source:
    """A plugin that is announced, and perhaps not loaded yet.

    Attributes:
        kind: what it says it adds.
        name: the name it is asked for by.
        entry_point: what to load; None for an object that the application registered.
        plugin: that object; None for an entry point.
    """

    kind: PluginKind
    name: str
    entry_point: metadata.EntryPoint | None = None
    plugin: object | None = field(default=None, repr=False)

    @property
    def distribution(self) -> metadata.Distribution | None:
        """The installed distribution that announces it, where known."""
        return None if self.entry_point is None else self.entry_point.dist

    @property
    def distribution_name(self) -> str | None:
        """That distribution's name."""
        return None if self.distribution is None else self.distribution.name

    @property
    def distribution_version(self) -> str | None:
        """That distribution's version."""
        return None if self.distribution is None else self.distribution.version

    @property
    def where(self) -> str:
        """The place to look at, for messages: distribution, version and module."""
        if self.entry_point is None:
            return "registered by the application"
        owner = f"{self.distribution_name or 'unknown distribution'} {self.distribution_version}"
        return f"{owner.removesuffix(' None')} ({self.entry_point.value})"

    @property
    def package(self) -> str | None:
        """The top-level package of the plugin's module."""
        return None if self.entry_point is None else self.entry_point.module.partition(".")[0]

    def named_in(self, names: Iterable[str]) -> bool:
        """Tell whether one of the names is the plugin's own or its distribution's."""
        owner = normalised(self.distribution_name or "")
        return any(name == self.name or normalised(name) == owner for name in names if name)


def installed() -> Sequence[metadata.EntryPoint]:
    """Read the entry points of all three groups from the installed distributions."""
    found = metadata.entry_points()
    return [point for kind in PluginKind for point in found.select(group=kind.group)]


def sources_of(entry_points: Iterable[metadata.EntryPoint]) -> list[Source]:
    """Turn entry points into sources, in a fixed order, each announcement once.

    Entry points of other groups are passed over.
    """
    kinds = {kind.group: kind for kind in PluginKind}
    unique = {
        (kinds[point.group], point.name, point.value, _owner(point)): point
        for point in entry_points
        if point.group in kinds
    }
    return [Source(key[0], key[1], entry_point=unique[key]) for key in sorted(unique)]


def _owner(point: metadata.EntryPoint) -> str:
    return "" if point.dist is None else normalised(point.dist.name)
