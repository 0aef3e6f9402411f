"""Histories written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aide_de_camp.spi import JobRecord, JobState, SettleKind
from aide_de_camp_conformance.histories import (
    Call,
    Event,
    Item,
    Operation,
    Phase,
    calls_of,
    digest,
)

PAYLOAD = digest(b"")


def job(number: int) -> UUID:
    return UUID(int=0x7000_8000_0000_0000_0000 + number)


class Writing:
    """A history; each call takes a span of 10 of its own unless ``at`` gives another.

    ``how`` is the outcome: ok, fail, unknown, or dies, where nothing follows.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.final: dict[UUID, JobRecord] | None = None
        self._numbers = 0
        self._time = 0

    def calls(self) -> list[Call]:
        return calls_of(self.events)

    def _call(
        self,
        operation: Operation,
        asked: dict[str, Any],
        told: dict[str, Any],
        *,
        how: str = "ok",
        at: tuple[int, int] | None = None,
        process: str = "w1",
        clock: str = "c",
    ) -> None:
        self._numbers += 1
        begin, end = at or (self._time + 1, self._time + 2)
        self._time = max(self._time, end)
        place: dict[str, Any] = {
            "process": process,
            "call": self._numbers,
            "operation": operation,
            "clock": clock,
        }
        self.events.append(Event(phase=Phase.INVOKE, time=begin, **place, **asked))
        if how != "dies":
            phase = Phase(how)
            said = told if phase is Phase.OK else {}
            self.events.append(Event(phase=phase, time=end, **place, **said))

    def _about(
        self, operation: Operation, item: Item, answer: str, extra: dict[str, Any], **how: Any
    ) -> None:
        told = {"items": (Item(item.id, answer),)}
        self._call(operation, {"items": (item,), **extra}, told, **how)

    def put(self, number: int, *, value: str = PAYLOAD, priority: int = 0, **how: Any) -> None:
        item = Item(job(number), value, job_type="a", priority=priority, scheduled_at=1)
        self._about(Operation.ENQUEUE, item, "stored", {}, **how)

    def claim(
        self,
        *numbers: int,
        token: int,
        now: int = 100,
        lease_until: int = 1_000_100,
        claims: int = 1,
        retries: int = 0,
        max_retries: int = 5,
        value: str = PAYLOAD,
        request: int | None = None,
        limit: int = 1,
        empty: bool = False,
        types: tuple[str, ...] | None = None,
        priorities: dict[int, int] | None = None,
        **how: Any,
    ) -> None:
        self._requests = getattr(self, "_requests", 1_000) + 1
        items = tuple(
            Item(
                job(number),
                value,
                token=token,
                job_type="a",
                priority=(priorities or {}).get(number, 0),
                scheduled_at=1,
                lease_until=lease_until,
                claims=claims,
                retries=retries,
                max_retries=max_retries,
            )
            for number in numbers
            if not empty
        )
        asked = {
            "request": UUID(int=request or self._requests),
            "number": limit,
            "types": types,
        }
        self._call(Operation.CLAIM, asked, {"items": items, "now": now}, **how)

    def settle(
        self, number: int, token: int, kind: SettleKind, *, answer: str = "applied", **how: Any
    ) -> None:
        item = Item(job(number), kind.value, token=token)
        self._about(Operation.SETTLE, item, answer, {}, **how)

    def extend(
        self, number: int, token: int, length: int, *, answer: str = "applied", **how: Any
    ) -> None:
        item = Item(job(number), token=token)
        self._about(Operation.EXTEND, item, answer, {"number": length}, **how)

    def cancel(
        self, number: int, *, request: int = 1, answer: str = "cancelled", **how: Any
    ) -> None:
        item = Item(job(number), request=UUID(int=request))
        self._about(Operation.CANCEL, item, answer, {}, **how)

    def delete(self, number: int, *, answer: str = "done", **how: Any) -> None:
        self._about(Operation.DELETE, Item(job(number)), answer, {}, **how)

    def reap(self, number: int, *, state: str = "scheduled", **how: Any) -> None:
        told = {"taken_back": (Item(job(number), state),)}
        self._call(Operation.REAP, {"number": 10}, told, **how)

    def prune(self, number: int, **how: Any) -> None:
        self._call(Operation.PRUNE, {"number": 10}, {"number": number}, **how)

    def ends(
        self,
        number: int,
        state: JobState,
        *,
        token: int = 0,
        claims: int = 0,
        reason: str | None = None,
    ) -> None:
        """Say that a job is stored in the end."""
        record = JobRecord(
            id=job(number),
            queue="history",
            job_type="a",
            codec="raw",
            payload=b"",
            payload_size=0,
            priority=0,
            state=state,
            scheduled_at=1,
            enqueued_at=1,
            started_at=None,
            finished_at=None,
            claims=claims,
            retries=0,
            snoozes=0,
            max_retries=None,
            token=token,
            lease_until=None,
            worker=None,
            reason=reason,
            error=None,
            error_at=None,
        )
        self.final = {**(self.final or {}), record.id: record}


def names(calls: Sequence[Call]) -> list[str]:
    return [call.operation.value for call in calls]
