"""Calls on all jobs that match, repeated after a step whose reply was lost (clause LIV-4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from aide_de_camp import (
    EventKind,
    JobRequest,
    JobState,
    JobType,
    ManualClock,
    Registry,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp import session as session_module
from aide_de_camp.spi import hookimpl
from aide_de_camp_conformance.faults import Passing

TEXT = JobType("text", str)


class Ear:
    def __init__(self):
        self.told = []

    @hookimpl
    def adc_event(self, event):
        if event.kind in (EventKind.CANCELLED, EventKind.REQUEUED, EventKind.DELETED):
            self.told.append(event.job_id)


class Line(Passing):
    """Loses replies ("lose"), lets calls pass ("pass") or refuses them ("refuse"), by a script."""

    def __init__(self, inner):
        super().__init__(inner)
        self.script = {}

    async def around(self, verb, call):
        step = self.script[verb].pop(0) if self.script.get(verb) else "pass"
        if step == "refuse":
            raise StorageUnavailable("away", outcome_unknown=False)
        answer = await call()
        if step == "lose":
            raise StorageUnavailable("the reply was lost", outcome_unknown=True)
        return answer


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(session_module, "_PAUSES", (0, 0))


@pytest.fixture(params=["memory://", "sqlite:///{}/jobs.db"])
def scenario(request, tmp_path):
    def run(steps):
        async def main():
            ear, registry, lines = Ear(), Registry(), []
            registry.register(ear)
            clock = ManualClock()
            url = request.param.format(tmp_path)
            queue = open_queue(url, clock=clock, registry=registry)
            opener = queue.session.opener

            def wired():
                lines.append(Line(opener()))
                return lines[-1]

            queue.session.opener = wired
            async with queue:
                await steps(queue, lines[0], ear, clock)

        asyncio.run(main())

    return run


async def scheduled(queue, number, priority=0):
    return await queue.schedule_many(
        [JobRequest(TEXT, "x", priority=priority) for _ in range(number)]
    )


async def dead(queue, number, priority=0):
    ids = await scheduled(queue, number, priority)
    for _ in ids:
        await (await queue.poll_next(TEXT)).dead_queue(reason="why")
    return ids


CALLS = {
    "cancel": (scheduled, lambda queue: queue.cancel_all(job_types=["text"])),
    "requeue": (dead, lambda queue: queue.dead.requeue_all(reasons=["why"])),
    "delete": (dead, lambda queue: queue.dead.delete_all(reasons=["why"])),
}
LOST = ["lose"] * 3


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("between", [0, 1])
def test_what_a_lost_step_did_is_counted_and_told_of_by_the_repeat(scenario, verb, between):
    make, call = CALLS[verb]

    async def steps(queue, line, ear, clock):
        ids = await make(queue, 3)
        again = "get" if verb == "delete" else verb
        line.script[verb] = list(LOST)
        with pytest.raises(StorageUnavailable):
            await call(queue)
        assert ear.told == []
        for _ in range(between):
            line.script[again] = ["refuse"] * 3
            with pytest.raises(StorageUnavailable):
                await call(queue)
        await make(queue, 2, priority=1)
        assert await call(queue) == 5
        assert sorted(ear.told)[:3] == ids
        assert len(ear.told) == 5
        assert await call(queue) == 0

    scenario(steps)


@pytest.mark.parametrize("verb", CALLS)
def test_a_step_that_had_no_effect_is_done_once(scenario, verb):
    make, call = CALLS[verb]

    async def steps(queue, line, ear, clock):
        ids = await make(queue, 3)
        line.script[verb] = ["refuse"] * 3
        with pytest.raises(StorageUnavailable):
            await call(queue)
        assert await call(queue) == 3
        assert ear.told == ids

    scenario(steps)


@pytest.mark.parametrize("verb", CALLS)
def test_another_filter_is_another_call(scenario, verb):
    make, call = CALLS[verb]

    async def steps(queue, line, ear, clock):
        await make(queue, 3)
        line.script[verb] = list(LOST)
        with pytest.raises(StorageUnavailable):
            await call(queue)
        calls = {
            "cancel": queue.cancel_all,
            "requeue": queue.dead.requeue_all,
            "delete": queue.dead.delete_all,
        }
        assert await calls[verb]() == 0
        assert await call(queue) == 3

    scenario(steps)


@pytest.mark.parametrize("verb", CALLS)
def test_much_later_it_is_no_repeat(scenario, verb):
    make, call = CALLS[verb]

    async def steps(queue, line, ear, clock):
        await make(queue, 3)
        line.script[verb] = list(LOST)
        with pytest.raises(StorageUnavailable):
            await call(queue)
        clock.advance(timedelta(minutes=11).total_seconds())
        await make(queue, 1, priority=1)
        assert await call(queue) == 1

    scenario(steps)


def _in_doubt_without_effect(line, verb):
    """Have a step fail of which nobody knows that it had no effect."""

    async def never(*arguments, **named):
        raise StorageUnavailable("it broke", outcome_unknown=True)

    original, number = getattr(line, verb), 0

    async def broken(*arguments, **named):
        nonlocal number
        number += 1
        return await (never if number <= 3 else original)(*arguments, **named)

    setattr(line, verb, broken)


@pytest.mark.parametrize("verb", ["requeue", "delete"])
def test_what_died_again_for_another_reason_is_left_alone(scenario, verb):
    make, call = CALLS[verb]

    async def steps(queue, line, ear, clock):
        first, second = await make(queue, 2)
        _in_doubt_without_effect(line, verb)
        with pytest.raises(StorageUnavailable):
            await call(queue)
        await queue.dead.requeue(second)
        await (await queue.poll_next(TEXT)).dead_queue(reason="another")
        ear.told.clear()
        assert await call(queue) == 1
        assert ear.told == [first]
        view = await queue.get_job(second)
        assert (view.state, view.reason) == (JobState.DEAD, "another")

    scenario(steps)


def test_what_ran_and_came_back_is_left_alone(scenario):
    async def steps(queue, line, ear, clock):
        first, second = await scheduled(queue, 2)
        _in_doubt_without_effect(line, "cancel")
        until = (await queue.get_job(first)).scheduled_at + timedelta(minutes=1)
        with pytest.raises(StorageUnavailable):
            await queue.cancel_all(scheduled_to=until)
        handle = await queue.poll_next(TEXT)
        assert handle.id == first
        await handle.snooze(timedelta(hours=1))
        assert await queue.cancel_all(scheduled_to=until) == 1
        assert ear.told == [second]
        assert (await queue.get_job(first)).state is JobState.SCHEDULED

    scenario(steps)
