"""Watching the demo's jobs by the events that any extension is told of."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from aide_de_camp.spi import Event, EventKind, hookimpl

_ENDS = (EventKind.COMPLETED, EventKind.CANCELLED, EventKind.DEAD)


class Watcher:
    """An extension: it notes what happens to each job.

    Attributes:
        kinds: how many events of each kind there were.
        order: the jobs in the order of their first attempts.
        ended: how many jobs came to their end in a runner.
    """

    def __init__(self) -> None:
        self.kinds: Counter[EventKind] = Counter()
        self.order: list[UUID] = []
        self.ended = 0

    @hookimpl
    def adc_event(self, event: Event) -> None:
        """Be told of one event."""
        self.kinds[event.kind] += 1
        if event.kind is EventKind.STARTED and event.job_id is not None and not event.retries:
            self.order.append(event.job_id)
        if event.kind in _ENDS and event.worker is not None:
            self.ended += 1
