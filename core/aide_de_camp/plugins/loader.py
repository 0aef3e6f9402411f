"""Loads one plugin at a time, so that one that fails takes no other with it.

pluggy's own entry-point loader stops at the first failure, and imports everything. Here an entry
point is imported when it is asked for, its plugin is verified, and only then is it registered.
"""

from __future__ import annotations

from collections.abc import Callable

import pluggy

from aide_de_camp.plugins.bus import Listener
from aide_de_camp.plugins.guard import guarded
from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.plugins.sources import Source
from aide_de_camp.plugins.verify import (
    Descriptor,
    marked_hooks,
    named,
    verify_descriptors,
    verify_hooks,
)
from aide_de_camp.spi import PROJECT, Event, Hooks


class Loader:
    """Turns sources into verified plugins, registered with a pluggy manager of its own."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)

    def kinds_of(self, plugin: object) -> list[PluginKind]:
        """Tell, by its marked hooks, what an object adds."""
        marked = marked_hooks(plugin, self._manager)
        return [kind for kind in PluginKind if kind.hook in marked]

    def load(self, source: Source) -> object:
        """Import a plugin, verify its hooks, and register it; harmless when repeated.

        Raises:
            PluginError: it can't be used; see :func:`~aide_de_camp.plugins.guard.guarded` and
                :func:`~aide_de_camp.plugins.verify.verify_hooks`.
        """
        plugin = source.plugin
        if source.entry_point is not None:
            with guarded(source, "importing it"):
                plugin = source.entry_point.load()
        with guarded(source, "looking at it"):
            verify_hooks(source, plugin, self._manager)
            if not self._manager.is_registered(plugin):
                self._manager.register(plugin, name=str(id(plugin)))
        return plugin

    def offered(self, source: Source) -> list[Descriptor]:
        """Load a backend or codec plugin and read all its descriptors.

        Raises:
            PluginError: it can't be used, or what it offers isn't what it promises.
        """
        plugin = self.load(source)
        with guarded(source, f"calling {source.kind.hook}"):
            returned: object = getattr(plugin, source.kind.hook)()
            return verify_descriptors(source, returned)

    def describe(self, source: Source) -> Descriptor:
        """Load a backend or codec plugin and read the descriptor that its source announces.

        Raises:
            PluginError: it can't be used, or was built for another SPI version.
        """
        return named(source, self.offered(source))

    def listener(self, source: Source) -> Listener:
        """Load an extension.

        Raises:
            PluginError: it can't be used.
        """
        plugin = self.load(source)
        implementation = next(
            known
            for known in self._manager.hook.adc_event.get_hookimpls()
            if known.plugin is plugin
        )
        return Listener(source.name, _teller(implementation.function, implementation.argnames))


def _teller(
    function: Callable[..., object], arguments: tuple[str, ...]
) -> Callable[[Event], object]:
    """Call an implementation directly: it may take fewer arguments than the hook has."""
    if arguments:
        return function
    return lambda _event: function()
