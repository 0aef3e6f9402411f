"""A history in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.event import Event, Item

_LEFT_OUT = ("id", "value")


def told(calls: Sequence[Call]) -> str:
    """Write calls as lines, their events in the order of time where one clock tells it."""
    events = [event for call in calls for event in (call.asked, call.told) if event is not None]
    clocks = sorted({event.clock for event in events})
    starts = {clock: min(e.time for e in events if e.clock == clock) for clock in clocks}
    events.sort(key=lambda event: (clocks.index(event.clock), event.time))
    lines = [f"{(e.time - starts[e.clock]) / 1e6:10.3f} ms  {_line(e)}" for e in events]
    if len(clocks) > 1:
        lines.append(
            f"({len(clocks)} clocks, each from its own first event; they can't be compared)"
        )
    return "\n".join(lines)


def _line(event: Event) -> str:
    words = [f"{event.process}#{event.call}", event.operation.value, event.phase.value]
    for name in ("types", "number", "now", "words"):
        value = getattr(event, name)
        if value is not None:
            words.append(f"{name}={value}")
    words += _items(event.items)
    if event.taken_back:
        words += ["taken back:", *_items(event.taken_back)]
    return " ".join(words)


def _items(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        said = attrs.asdict(item)
        rest = " ".join(
            f"{name}={value}"
            for name, value in said.items()
            if value is not None and name not in _LEFT_OUT
        )
        yield f"[{item.id} {item.value or ''} {rest}]".replace("  ", " ")
