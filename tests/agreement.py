"""Random calls, made to a storage and to the memory backend: every answer must be the same."""

from __future__ import annotations

import random
from uuid import uuid4

import attrs

from aide_de_camp.spi import (
    TIME_MAX,
    TIME_MIN,
    Cancellation,
    CountFilter,
    ErrorRecord,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    RecordPage,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
)
from aide_de_camp_backends.memory.plugin import adc_storages

from .calls import Calls

SECOND = 1_000_000
TYPES = ["a", "b", "c"]


def a_record(calls: Calls, chance: random.Random) -> JobRecord:
    """Make what another storage might hold: anything that can become of a job but its end."""
    job = calls.job(
        job_type=chance.choice(TYPES),
        payload=chance.choice([b"", b"\0\xff", b"{}"]),
        priority=chance.choice([-128, 0, 127]),
    )
    ran, failed = chance.random() < 0.7, chance.random() < 0.5
    dead = ran and chance.random() < 0.5
    moment = calls.now - chance.randrange(9)
    return JobRecord(
        id=job.id,
        queue="elsewhere",
        job_type=job.job_type,
        codec=job.codec,
        payload=job.payload,
        payload_size=len(job.payload),
        priority=job.priority,
        state=JobState.HELD,
        scheduled_at=chance.choice([TIME_MIN, moment, moment + 3 * SECOND, TIME_MAX]),
        enqueued_at=moment - SECOND,
        started_at=moment if ran else None,
        finished_at=moment if dead else None,
        claims=chance.randint(1, 9) if ran else 0,
        retries=chance.randint(0, 2) if ran else 0,
        snoozes=chance.randint(0, 2) if ran else 0,
        max_retries=chance.choice([None, 0, 1]),
        token=chance.choice([moment, 2**53 + 1, 2**62]) if ran else 0,
        lease_until=None,
        worker="elsewhere" if ran else None,
        reason=chance.choice(["why", "lease", ""]) if dead else None,
        error=ErrorRecord("E", "m\n\u20ac", "trace", "detail", "$", 2) if ran and failed else None,
        error_at=moment if ran and failed else None,
    )


def comparable(answer):
    """Take away what storages may differ in: kinds of sequences, what listings leave out."""
    if isinstance(answer, RecordPage):
        shown = [
            record
            if record.error is None
            else attrs.evolve(record, error=attrs.evolve(record.error, traceback=None, detail=None))
            for record in answer.records
        ]
        return (shown, answer.after)
    return list(answer) if isinstance(answer, tuple) else answer


class Pair:
    """Both storages, the moving clock, and what random calls can be about."""

    def __init__(self, calls: Calls, storage, memory, chance: random.Random) -> None:
        self.calls = calls
        self.storages = (storage, memory)
        self.chance = chance
        self.now = calls.now
        self.ids = [uuid4()]
        self.leases = [(uuid4(), 1)]
        self.requests = [calls.request()]
        self.cancellations = [Cancellation(uuid4(), uuid4())]
        self.records = [a_record(calls, chance)]

    async def both(self, verb: str, *arguments, **named):
        ours, model = [
            await getattr(storage, verb)("q", *arguments, **named) for storage in self.storages
        ]
        ours, model = [comparable(each) for each in (ours, model)]
        assert ours == model, verb
        return ours

    def some(self, choices, most=3):
        chosen = [self.chance.choice(choices) for _ in range(self.chance.randint(1, most))]
        # No id stands twice in one call: what is chosen is an id, or begins with one.
        return list(
            {each[0] if isinstance(each, tuple) else each: each for each in chosen}.values()
        )

    def different(self, choices, most=3):
        return list(dict.fromkeys(self.some(choices, most)))

    async def enqueue(self) -> None:
        jobs = [
            self.calls.job(
                job_type=self.chance.choice(TYPES),
                priority=self.chance.choice([-128, 0, 1, 127]),
                scheduled_at=self.chance.choice([None, self.now + self.chance.randrange(-9, 9)]),
                delay=self.chance.choice([-5, 0, 3 * SECOND]),
                max_retries=self.chance.choice([None, 0, 1]),
            )
            for _ in range(self.chance.randint(1, 6))
        ]
        jobs += [attrs.evolve(jobs[0], id=self.chance.choice([jobs[-1].id, *self.ids]))]
        self.ids += [job.id for job in jobs]
        await self.both("enqueue", jobs, now=self.now)

    async def claim(self) -> None:
        request = self.calls.request(
            self.chance.choice([None, [], ["a"], ["b", "c", "b"], TYPES]),
            self.chance.randint(1, 6),
            lease=self.chance.choice([SECOND, 3 * SECOND]),
            retry_limits=RetryLimits(2, {"b": 1}),
        )
        if self.chance.random() < 0.2:
            request = self.chance.choice(self.requests)
        self.requests.append(request)
        result = await self.both("claim", request, now=self.now)
        self.leases += [(job.id, job.token) for job in result.jobs]

    async def settle(self) -> None:
        error = ErrorRecord("E", "m", offset=1)
        settlements = [
            Settlement(
                job_id,
                token,
                kind,
                delay=self.chance.choice([0, SECOND, 10**18]),
                reason="why" if kind in (SettleKind.DEAD, SettleKind.CANCELLED) else None,
                error=self.chance.choice([None, error]),
            )
            for job_id, token in self.some(self.leases[-12:])
            for kind in [self.chance.choice(list(SettleKind))]
        ]
        await self.both("settle", settlements, now=self.now)

    async def extend(self) -> None:
        leases = [Lease(*lease) for lease in self.some(self.leases[-12:])]
        await self.both("extend", leases, self.chance.randint(1, 4) * SECOND, now=self.now)

    async def cancel(self) -> None:
        token = self.chance.choice([None, None, 0, self.chance.choice(self.leases)[1]])
        fresh = Cancellation(self.chance.choice(self.ids[-20:]), uuid4(), token)
        self.cancellations.append(self.chance.choice([fresh, *self.cancellations[-2:]]))
        await self.both("cancel", self.cancellations[-1:], now=self.now)

    async def tidy(self) -> None:
        verb = self.chance.choice(["requeue", "delete", "reap", "prune"])
        if verb == "requeue":
            wanted = [Requeue(each, uuid4()) for each in self.some(self.ids, 9)]
            for _ in range(self.chance.choice([1, 2])):
                await self.both(verb, wanted, now=self.now)
        elif verb == "delete":
            await self.both(verb, self.some(self.ids, 9))
        elif verb == "reap":
            await self.both(verb, 2, now=self.now)
        else:
            await self.both(verb, self.chance.choice([0, SECOND]), 1_000, now=self.now)

    async def hold(self) -> None:
        held = await self.both("hold", self.different(self.ids[-20:]))
        self.records += [record for record in held if record is not None]

    async def import_some(self) -> None:
        fresh = [a_record(self.calls, self.chance) for _ in range(self.chance.randint(0, 2))]
        known = [self.chance.choice(self.records[-12:])]
        again = [attrs.evolve(known[0], id=record.id) for record in fresh[:1]]
        self.ids += [record.id for record in fresh]
        self.records += fresh
        await self.both("import_jobs", [*known, *(again or fresh), *fresh[1:]])

    async def unhold(self) -> None:
        await self.both("unhold", self.different(self.ids[-20:], 9), now=self.now)

    async def discard(self) -> None:
        await self.both("discard", self.different(self.ids[-20:], 2))

    async def look(self) -> None:
        states = self.chance.choice([None, frozenset(self.some(list(JobState)))])
        types = self.chance.choice([None, frozenset("ab")])
        where = JobFilter(
            states=states,
            job_types=types,
            reasons=self.chance.choice([None, None, frozenset({"why"})]),
            finished_to=self.chance.choice([None, None, self.now]),
        )
        await self.both("get", self.some(self.ids, 9))
        for reasons in (None, frozenset({"why", "lease"})):
            counted = CountFilter(states, types, reasons)
            ours, model = [await each.count("q", counted) for each in self.storages]
            assert sorted(ours, key=str) == sorted(model, key=str)
        await self.both(
            "list",
            where,
            limit=self.chance.choice([1, 5, 1_000]),
            after=self.chance.choice([None, *self.ids[-5:]]),
            newest_first=self.chance.random() < 0.5,
        )

    async def step(self) -> None:
        self.now += self.chance.choice([0, 0, 1, SECOND, -SECOND])
        calls = [self.enqueue, self.claim, self.claim, self.settle, self.extend, self.cancel]
        calls += [self.hold, self.import_some, self.unhold, self.unhold, self.discard]
        await self.chance.choice([*calls, self.tidy, self.look])()


async def agree(calls: Calls, storage, seed: int, steps: int = 300) -> None:
    """Make random calls on an empty storage; it must answer as the memory backend does."""
    (descriptor,) = adc_storages()
    memory = descriptor.connect("memory://", {})()
    await memory.open()
    pair = Pair(calls, storage, memory, random.Random(seed))
    for _ in range(steps):
        await pair.step()
    ours, model = [await each.get("q", pair.ids) for each in pair.storages]
    assert list(ours) == list(model)
