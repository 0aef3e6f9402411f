"""The memory backend, as a plugin: ``memory://name`` is shared in the process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from aide_de_camp.spi import (
    Capability,
    ConfigurationError,
    Scratch,
    StorageDescriptor,
    StorageOpener,
    hookimpl,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World


class Worlds:
    """The named worlds of this process: one lives as long as somebody holds it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._named: WeakValueDictionary[str, World] = WeakValueDictionary()

    def connect(self, url: str, options: Mapping[str, str]) -> StorageOpener:
        """Give an opener on the world that the URL names, or on a new one of its own.

        Raises:
            ConfigurationError: the URL has a path, or there is an option: there are none.
        """
        parts = urlsplit(url)
        unknown = [*options, *(part for part in parts.query.split("&") if part)]
        if parts.path not in ("", "/") or unknown:
            raise ConfigurationError(
                "url", "memory:// takes a name at most, as memory://name, and no options"
            )
        world = self._world(parts.netloc)
        return lambda: MemoryStorage(world)

    def _world(self, name: str) -> World:
        if not name:
            return World()
        with self._lock:
            world = self._named.get(name)
            if world is None:
                self._named[name] = world = World()
            return world


# The one state that is meant to be the process's: memory://name names the same jobs everywhere.
_WORLDS = Worlds()


def scratch_url(url: str, name: str) -> str:
    """Give the URL of another world of this process; what is wrong with the first stays so."""
    return urlsplit(url)._replace(netloc=name).geturl()


async def remove_scratch(_url: str) -> None:
    """Do nothing: a world goes with the last that holds it."""


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer the memory backend."""
    return [
        StorageDescriptor(
            scheme="memory",
            spi=(0, 1),
            connect=_WORLDS.connect,
            capabilities=frozenset({Capability.WAKE_UP, Capability.MOVE}),
            summary="in this process's memory: for tests, and jobs that may go with the process",
            scratch=Scratch(scratch_url, remove_scratch),
        )
    ]
