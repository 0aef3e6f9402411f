"""Calls whose every reply was lost, repeated by their callers (clause LIV-4)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import (
    EventKind,
    JobNotFound,
    JobState,
    JobType,
    ManualClock,
    QueueClosed,
    Registry,
    StorageUnavailable,
    new_job_id,
    open_queue,
    repeats,
)
from aide_de_camp import session as session_module
from aide_de_camp.repeats import Repeats
from aide_de_camp.spi import hookimpl
from aide_de_camp_conformance.faults import Passing

TEXT = JobType("text", str)
NUMBER = JobType("text", int)


class Ear:
    def __init__(self):
        self.events = []

    @hookimpl
    def adc_event(self, event):
        self.events.append((event.kind, event.job_type))


class Line(Passing):
    """Loses replies and refuses calls, as it is told.

    Attributes:
        script: what to do with the next calls of each verb: "lose", "refuse" or "hang".
    """

    def __init__(self, inner):
        super().__init__(inner)
        self.script = {}
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def around(self, verb, call):
        step = next(iter(self.script.get(verb, ())), None)
        if step is not None:
            self.script[verb] = self.script[verb][1:]
        if step == "refuse":
            raise StorageUnavailable("away", outcome_unknown=False)
        answer = await call()
        if step == "hang":
            self.reached.set()
            await self.go.wait()
        if step == "lose":
            raise StorageUnavailable("the reply was lost", outcome_unknown=True)
        return answer


def scenario(steps):
    async def main():
        ear, registry, lines = Ear(), Registry(), []
        registry.register(ear)
        queue = open_queue("memory://", clock=ManualClock(), registry=registry)
        opener = queue.session.opener

        def wired():
            lines.append(Line(opener()))
            return lines[-1]

        queue.session.opener = wired
        async with queue:
            await steps(queue, lines[0], ear)

    asyncio.run(main())


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(session_module, "_PAUSES", (0, 0))


async def scheduled(queue):
    return await queue.schedule(TEXT, "x")


async def dead(queue):
    job_id = await queue.schedule(TEXT, "x")
    handle = await queue.poll_next(TEXT)
    await handle.dead_queue()
    return job_id


CALLS = {
    "cancel_job": (scheduled, "cancel", lambda q, j: q.cancel_job(j), True),
    "unschedule_job": (scheduled, "cancel", lambda q, j: q.unschedule_job(j, TEXT), "x"),
    "requeue": (dead, "requeue", lambda q, j: q.dead.requeue(j), None),
    "delete": (dead, "delete", lambda q, j: q.dead.delete(j), None),
}
AGAIN = [["refuse"] * 3, ["lose"] * 3, ["lose", "refuse", "refuse"]]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("between", [[], *AGAIN])
def test_a_repeat_is_answered_as_the_first_would_have_been(name, between):
    make, verb, call, answer = CALLS[name]

    async def steps(queue, line, ear):
        job_id = await make(queue)
        ear.events.clear()
        line.script[verb] = ["lose"] * 3 + between
        for _ in range(1 + bool(between)):
            with pytest.raises(StorageUnavailable):
                await call(queue, job_id)
        assert ear.events == []
        assert await call(queue, job_id) == answer
        assert len(ear.events) == 1
        # It was answered: what comes now is another request.
        with pytest.raises(JobNotFound):
            await call(queue, job_id)

    scenario(steps)


@pytest.mark.parametrize("name", CALLS)
def test_one_that_had_no_effect_takes_it_when_repeated(name):
    make, verb, call, answer = CALLS[name]

    async def steps(queue, line, ear):
        job_id = await make(queue)
        ear.events.clear()
        line.script[verb] = ["refuse"] * 3
        with pytest.raises(StorageUnavailable):
            await call(queue, job_id)
        assert await call(queue, job_id) == answer
        assert len(ear.events) == 1

    scenario(steps)


@pytest.mark.parametrize("name", CALLS)
def test_a_caller_that_was_cancelled_may_repeat_it_too(name):
    make, verb, call, answer = CALLS[name]

    async def steps(queue, line, ear):
        job_id = await make(queue)
        line.script[verb] = ["hang"]
        task = asyncio.create_task(call(queue, job_id))
        await line.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await call(queue, job_id) == answer

    scenario(steps)


@pytest.mark.parametrize("name", CALLS)
def test_a_read_without_a_reply_asked_for_nothing(name):
    """What was never sent can't have taken effect: a job that never was, is not said to be done."""
    _, _, call, _ = CALLS[name]

    async def steps(queue, line, ear):
        stranger = new_job_id()
        line.script["get"] = ["lose"] * 3
        for error in [StorageUnavailable, JobNotFound]:
            if error is JobNotFound or name != "cancel_job":
                with pytest.raises(error):
                    await call(queue, stranger)

    scenario(steps)


def test_a_job_that_died_again_meanwhile_is_requeued_again():
    async def steps(queue, line, ear):
        job_id = await dead(queue)
        line.script["requeue"] = ["lose"] * 3
        with pytest.raises(StorageUnavailable):
            await queue.dead.requeue(job_id)
        await (await queue.poll_next(TEXT)).dead_queue()
        line.script["requeue"] = ["lose"] * 3
        with pytest.raises(StorageUnavailable):
            await queue.dead.requeue(job_id)
        await queue.dead.requeue(job_id)
        assert (await queue.get_job(job_id)).state is JobState.SCHEDULED
        await (await queue.poll_next(TEXT)).dead_queue()
        await queue.dead.requeue(job_id)
        assert (await queue.get_job(job_id)).state is JobState.SCHEDULED

    scenario(steps)


def test_what_another_cancelled_meanwhile_is_not_said_to_be_ours():
    async def steps(queue, line, ear):
        job_id = await scheduled(queue)
        handle = await queue.poll_next(TEXT)
        line.script["cancel"] = ["lose"] * 3
        with pytest.raises(StorageUnavailable):
            await queue.cancel_job(job_id)
        await handle.cancel()
        with pytest.raises(JobNotFound) as told:
            await queue.cancel_job(job_id)
        assert told.value.state is JobState.CANCELLED

    scenario(steps)


def test_no_more_than_so_many_requests_are_remembered(monkeypatch):
    monkeypatch.setattr(repeats, "_MOST", 2)
    kept, ids = Repeats(), [new_job_id() for _ in range(3)]
    first = []

    def send(job_id):
        with kept.request("cancel", job_id) as request:
            request.sent = True
            first.append(request.id)
            raise StorageUnavailable("lost", outcome_unknown=True)

    for job_id in ids:
        with pytest.raises(StorageUnavailable):
            send(job_id)
    for job_id, before, known in zip(ids, first, [False, True, True], strict=True):
        with kept.request("cancel", job_id) as request:
            assert (request.id == before, request.repeated) == (known, known)
        with kept.request("cancel", job_id) as request:
            assert not request.repeated


# --- a queue that is closed meanwhile -------------------------------------------------------------


@pytest.mark.parametrize("how", ["lose", "refuse"])
def test_closing_it_between_two_tries_doesnt_hide_what_is_unknown(monkeypatch, how):
    monkeypatch.setattr(session_module, "_PAUSES", (0.001, 0.001))

    async def steps(queue, line, ear):
        job_id = await scheduled(queue)
        line.script["cancel"] = [how] * 3
        task = asyncio.create_task(queue.cancel_job(job_id))
        while len(line.script["cancel"]) == 3:
            await asyncio.sleep(0)
        await queue.close()
        if how == "refuse":
            with pytest.raises(QueueClosed):
                await task
            return
        with pytest.raises(StorageUnavailable) as told:
            await task
        assert told.value.outcome_unknown
        assert isinstance(told.value.__cause__, QueueClosed)

    scenario(steps)


# --- events ---------------------------------------------------------------------------------------


def test_a_job_that_cant_be_decoded_is_told_of_though_its_caller_was_cancelled():
    async def steps(queue, line, ear):
        job_id = await scheduled(queue)
        line.script["settle"] = ["hang"]
        ear.events.clear()
        caller = asyncio.create_task(queue.poll_next(NUMBER))
        await line.reached.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        line.go.set()
        await queue.close()
        assert ear.events == [(EventKind.DEAD, "text")]
        assert job_id is not None

    scenario(steps)


def test_whoever_knows_the_type_of_a_cancelled_job_says_it():
    async def steps(queue, line, ear):
        for cancel in (
            lambda job_id: queue.unschedule_job(job_id, TEXT),
            lambda job_id: queue.cancel_all(),
        ):
            job_id = await scheduled(queue)
            ear.events.clear()
            await cancel(job_id)
            assert ear.events == [(EventKind.CANCELLED, "text")]

    scenario(steps)
