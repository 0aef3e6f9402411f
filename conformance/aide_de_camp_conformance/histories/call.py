"""Calls, each made of its events, and what may be said of their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from aide_de_camp_conformance.histories.event import Event, Item, Operation, Phase


@frozen
class Call:
    """One call.

    Attributes:
        asked: its invocation.
        told: its end; None where its process ended first.
    """

    asked: Event
    told: Event | None = None

    @property
    def operation(self) -> Operation:
        """What was called."""
        return self.asked.operation

    @property
    def name(self) -> str:
        """What it is called in words: its process, and its number there."""
        return f"{self.asked.process}#{self.asked.call}"

    @property
    def ok(self) -> bool:
        """True where it was answered."""
        return self.told is not None and self.told.phase is Phase.OK

    @property
    def unknown(self) -> bool:
        """True where nobody knows whether it took effect, or yet will."""
        return self.told is None or self.told.phase is Phase.UNKNOWN

    @property
    def may_count(self) -> bool:
        """True unless it is known to have had no effect."""
        return self.ok or self.unknown

    @property
    def began(self) -> int:
        """When it began, in nanoseconds of its clock: it had no effect before."""
        return self.asked.time

    @property
    def ended(self) -> int | None:
        """When it was over, in nanoseconds; None where it may take effect at any time after."""
        return self.told.time if self.told is not None and not self.unknown else None

    @property
    def now(self) -> int | None:
        """The storage's own present, where its answer told it."""
        return self.told.now if self.told is not None else None

    def before(self, other: Call) -> bool:
        """True where it was surely over before another one began.

        Times of different clocks say nothing, and what has no known end is never over.
        """
        return (
            self.ended is not None
            and self.asked.clock == other.asked.clock
            and self.ended < other.began
        )

    def pairs(self) -> Iterator[tuple[Item, Item | None]]:
        """Give what was asked of each job beside what was answered; None where nothing was."""
        told = self.told.items if self.ok and self.told is not None else ()
        answers = {item.id: item for item in told}
        by_place = len(told) == len(self.asked.items)
        for place, item in enumerate(self.asked.items):
            # An id may stand twice in one call that schedules: then the place counts.
            yield item, (told[place] if by_place else answers.get(item.id))

    @property
    def handed_out(self) -> tuple[Item, ...]:
        """What a claim was given."""
        claimed = self.operation is Operation.CLAIM and self.ok
        return self.told.items if claimed and self.told is not None else ()

    @property
    def taken_back(self) -> tuple[Item, ...]:
        """The jobs whose leases it says that it took back."""
        return self.told.taken_back if self.told is not None else ()


def calls_of(events: Iterable[Event]) -> list[Call]:
    """Put the events of each call together, in the order in which the calls began.

    Raises:
        ValueError: a call ended that never began, or began or ended twice.
    """
    begun: dict[tuple[str, int], Event] = {}
    ended: dict[tuple[str, int], Event] = {}
    for event in events:
        key = (event.process, event.call)
        kind = begun if event.phase is Phase.INVOKE else ended
        if key in kind:
            raise ValueError(f"{event.process}#{event.call} is there twice: {event.phase}")
        kind[key] = event
    if ended.keys() - begun.keys():
        raise ValueError(f"these calls end and never began: {sorted(ended.keys() - begun.keys())}")
    calls = [Call(asked, ended.get(key)) for key, asked in begun.items()]
    return sorted(calls, key=lambda call: (call.asked.clock, call.began, call.name))
