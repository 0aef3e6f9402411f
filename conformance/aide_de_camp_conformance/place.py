"""A place as a plugin: so that queues are opened through the public door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from itertools import count

from attrs import frozen

from aide_de_camp import Registry
from aide_de_camp.spi import Event, StorageDescriptor, StorageOpener, hookimpl
from aide_de_camp_conformance.codecs import KitCodecs


class EventLog:
    """An extension that keeps every event.

    Attributes:
        events: in the order in which they came.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def adc_event(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)


class Places:
    """A plugin whose URLs, ``kit://NUMBER``, stand for openers."""

    def __init__(self) -> None:
        self._numbers = count()
        self._openers: dict[str, StorageOpener] = {}

    @hookimpl
    def adc_storages(self) -> Iterable[StorageDescriptor]:
        """Offer the places."""
        return [StorageDescriptor(scheme="kit", spi=(0, 1), connect=self._connect)]

    def url_of(self, opener: StorageOpener) -> str:
        """Give the URL at which an opener is found, once."""
        url = f"kit://{next(self._numbers)}"
        self._openers[url] = opener
        return url

    def _connect(self, url: str, options: Mapping[str, str]) -> StorageOpener:
        return self._openers.pop(url)


@frozen
class Door:
    """How a queue is opened: a registry, and the places that it knows."""

    registry: Registry
    places: Places


def door(events: EventLog | None = None) -> Door:
    """Give a registry with the installed codecs, the kit's, and the kit's places.

    Args:
        events: an extension to tell of events; None where nobody is to listen.
    """
    return _quiet_door() if events is None else _make(events)


@lru_cache(maxsize=1)
def _quiet_door() -> Door:
    return _make(None)


def _make(events: EventLog | None) -> Door:
    codecs = metadata.entry_points(group="aide_de_camp.codecs")
    made = Door(Registry(entry_points=codecs, disabled=()), Places())
    made.registry.register(KitCodecs())
    made.registry.register(made.places)
    if events is not None:
        made.registry.register(events)
    return made
