"""Tells extension plugins what happened, and lets nothing that they do come back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from attrs import frozen

from aide_de_camp.spi import Event

_log = logging.getLogger("aide_de_camp.events")


@frozen
class Listener:
    """One extension's ``adc_event``.

    Attributes:
        name: the extension's name.
        tell: called with each event.
    """

    name: str
    tell: Callable[[Event], object]


class EventBus:
    """Hands each event to every listener, in the order of their names (clause OBS-5).

    Attributes:
        active: False where nobody listens: then don't even build the event.
        emit: tells the listeners of one event, in the caller's thread; does nothing where
            nobody listens. An ``Exception`` of a listener is logged by its class and counted;
            KeyboardInterrupt and its like pass, since they are meant for the whole process.
        failures: how often a listener raised so far.
    """

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = tuple(sorted(listeners, key=lambda listener: listener.name))
        self._lock = threading.Lock()
        self.failures = 0
        self.active = bool(self._listeners)
        self.emit: Callable[[Event], None] = self._tell_all if self.active else _nobody

    @property
    def listeners(self) -> tuple[str, ...]:
        """The names of the extensions that listen."""
        return tuple(listener.name for listener in self._listeners)

    def _tell_all(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener.tell(event)
            except Exception as error:  # noqa: BLE001 - a stranger's code: nothing it does counts
                self._failed(listener, event, error)

    def _failed(self, listener: Listener, event: Event, error: Exception) -> None:
        with self._lock:
            self.failures += 1
        # The class alone: a stranger's message may quote anything.
        _log.warning(
            "extension %s raised %s on %s; the event's cause goes on",
            listener.name,
            type(error).__qualname__,
            event.kind,
            extra={"adc_extension": listener.name, "adc_event": event.kind.value},
        )


def _nobody(_event: Event) -> None:
    """Nobody listens."""
