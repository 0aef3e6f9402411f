"""What is written down: of every call its beginning and its end, however the process ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from aide_de_camp import Registry, new_job_id
from aide_de_camp.spi import (
    Cancellation,
    ClaimRequest,
    Lease,
    NewJob,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
    StorageUnavailable,
)
from aide_de_camp_conformance.faults import LosesReplies, Passing
from aide_de_camp_conformance.histories import (
    Event,
    Operation,
    Phase,
    Recorder,
    Recording,
    calls_of,
    check,
    digest,
    read,
)

QUEUE = "q"
MANY = """
import sys
from pathlib import Path
from aide_de_camp_conformance.histories import Operation, Recorder
recorder = Recorder(Path(sys.argv[1]), "victim")
for number in range(1_000_000):
    recorder.begin(Operation.PRUNE, number=number)
    print(number, flush=True)
"""


def job(payload=b"x"):
    return NewJob(new_job_id(), "a", payload, "raw")


def request(limit=1):
    return ClaimRequest(None, limit, 1_000_000, RetryLimits(), "w", new_job_id())


def test_every_verb_leaves_what_was_asked_and_what_was_told(tmp_path):
    async def drive():
        storage = Recording(Registry().storage("memory://")(), Recorder(tmp_path / "h", "p"))
        await storage.open()
        first, second, third = job(), job(b"secret"), job()
        await storage.enqueue(QUEUE, [first, second, third], now=1)
        claimed = await storage.claim(QUEUE, request(2), now=1)
        leases = [Lease(each.id, each.token) for each in claimed.jobs]
        await storage.extend(QUEUE, leases, 1_000_000, now=1)
        ends = [Settlement(each.id, each.token, SettleKind.DEAD, reason="r") for each in leases]
        await storage.settle(QUEUE, ends, now=1)
        await storage.requeue(QUEUE, [Requeue(first.id, new_job_id())], now=1)
        await storage.delete(QUEUE, [second.id])
        await storage.hold(QUEUE, [first.id])
        await storage.unhold(QUEUE, [first.id], now=1)
        await storage.cancel(QUEUE, [Cancellation(third.id, new_job_id())], now=1)
        await storage.reap(QUEUE, 5, now=1)
        await storage.prune(QUEUE, 0, 5, now=1)
        held = await storage.hold(QUEUE, [first.id])
        await storage.discard(QUEUE, [first.id])
        await storage.import_jobs(QUEUE, [each for each in held if each])
        return await storage.get(QUEUE, [first.id, second.id, third.id])

    final = asyncio.run(drive())
    calls = calls_of(read([tmp_path / "h"]))
    assert {call.operation for call in calls} == set(Operation)
    assert all(call.ok for call in calls)
    assert [call.asked.call for call in calls] == list(range(1, len(calls) + 1))
    by = {call.operation: call for call in calls}
    assert [item.value for item in by[Operation.ENQUEUE].asked.items][1] == digest(b"secret")
    assert by[Operation.CLAIM].now == 1
    assert [each.value for _, each in by[Operation.SETTLE].pairs()] == ["applied"] * 2
    assert by[Operation.PRUNE].told.number == 1
    assert b"secret" not in (tmp_path / "h").read_bytes()
    assert check(calls, {each.id: each for each in final if each}).findings == ()


def test_how_a_call_fails_says_what_is_known(tmp_path):
    class Away(Passing):
        async def around(self, verb, call):
            raise StorageUnavailable("away", outcome_unknown=False)

    class Hangs(Passing):
        async def around(self, verb, call):
            await asyncio.sleep(60)

    async def drive():
        recorder = Recorder(tmp_path / "h", "p")
        inner = Registry().storage("memory://")()
        for around in (LosesReplies(inner, "reap"), Away(inner)):
            with pytest.raises(StorageUnavailable):
                await Recording(around, recorder).reap(QUEUE, 1, now=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Recording(Hangs(inner), recorder).reap(QUEUE, 1, now=1)

    asyncio.run(drive())
    calls = calls_of(read([tmp_path / "h"]))
    assert [call.told.phase for call in calls] == [Phase.UNKNOWN, Phase.FAIL, Phase.UNKNOWN]
    assert [call.may_count for call in calls] == [True, False, True]
    # What may take effect yet is never over.
    assert [call.ended is None for call in calls] == [True, False, True]


def test_what_was_said_was_written_before_a_kill(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", MANY, str(tmp_path / "h")], stdout=subprocess.PIPE, text=True
    ) as victim:
        for _ in range(500):
            said = int(victim.stdout.readline())
        victim.send_signal(signal.SIGKILL)
        rest = victim.stdout.read().splitlines()
    said = max([said, *(int(line) for line in rest if line)])
    written = [event.number for event in read([tmp_path / "h"])]
    assert written == list(range(len(written)))
    assert len(written) > said


def test_a_line_that_was_cut_is_left_out(tmp_path):
    path = tmp_path / "h"
    recorder = Recorder(path, "p")
    recorder.begin(Operation.REAP, number=1)
    recorder.begin(Operation.REAP, number=2)
    recorder.close()
    path.write_bytes(path.read_bytes()[:-5])
    assert [event.number for event in read([path])] == [1]


@pytest.mark.parametrize(
    "phases", [[Phase.OK], [Phase.INVOKE] * 2, [Phase.INVOKE, *[Phase.OK] * 2]]
)
def test_events_that_make_no_call_are_refused(phases):
    events = [Event("p", 1, Operation.REAP, phase, "c", 1) for phase in phases]
    with pytest.raises(ValueError, match=r"p', 1|p#1"):
        calls_of(events)
