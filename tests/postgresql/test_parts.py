"""Verbs of two statements, of which the second one fails: what is told, what is repeated."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    HoldStatus,
    JobState,
    LeaseResult,
    Requeue,
    SettleKind,
    Settlement,
    StorageError,
    StorageUnavailable,
)
from aide_de_camp_backends.postgresql.call import Call

MISSING = uuid4()
VERBS = ["cancel", "delete", "discard", "hold", "requeue", "settle", "unhold", "claim"]


async def states(holding):
    return [record and record.state for record in await holding]


async def numbers(claiming):
    result = await claiming
    return [len(result.reaped), len(result.jobs)]


async def prepared(bench, storage, verb: str):
    """Give the call of a verb that needs its second statement, and what it answers."""
    job = bench.job()
    await bench.put(storage, job)
    if verb in ("delete", "requeue", "settle", "claim"):
        (held,) = (await bench.claim(storage, lease=1)).jobs
    if verb in ("delete", "requeue"):
        await bench.settle(storage, held, SettleKind.DEAD)
    if verb in ("discard", "unhold"):
        await storage.hold("q", [job.id])
    both = [job.id, MISSING]

    now = bench.now
    calls = {
        "cancel": lambda: storage.cancel(
            "q", [Cancellation(each, uuid4()) for each in both], now=now
        ),
        "delete": lambda: storage.delete("q", both),
        "discard": lambda: storage.discard("q", both),
        "hold": lambda: states(storage.hold("q", both)),
        "requeue": lambda: storage.requeue("q", [Requeue(each, uuid4()) for each in both], now=now),
        "settle": lambda: storage.settle(
            "q", [Settlement(each, held.token, SettleKind.COMPLETED) for each in both], now=now
        ),
        "unhold": lambda: storage.unhold("q", both, now=now),
        "claim": lambda: numbers(bench.claim(storage, now=now + 2)),
    }
    answers = {
        "cancel": [CancelResult(CancelStatus.CANCELLED), CancelResult(CancelStatus.NOT_LIVE)],
        "delete": [DeadStatus.DONE, DeadStatus.NOT_FOUND],
        "discard": [HoldStatus.DONE, HoldStatus.NOT_FOUND],
        "hold": [JobState.HELD, None],
        "requeue": [DeadStatus.DONE, DeadStatus.NOT_FOUND],
        "settle": [LeaseResult.APPLIED, LeaseResult.LOST],
        "unhold": [HoldStatus.DONE, HoldStatus.NOT_FOUND],
        "claim": [1, 1],
    }
    return calls[verb], answers[verb]


def failing(monkeypatch, error: Exception, *, times: int) -> None:
    """Have statements fail from the second one on."""
    _once = Call._once
    left = times
    seen = 0

    async def once(self, sql, arguments):
        nonlocal left, seen
        seen += 1
        if left and seen > 1:
            left -= 1
            raise error
        return await _once(self, sql, arguments)

    monkeypatch.setattr(Call, "_once", once)


@pytest.mark.parametrize("verb", VERBS)
def test_only_the_statement_that_took_no_effect_is_repeated(bench, monkeypatch, verb):
    async def run() -> None:
        async with bench.opened(listen="off") as storage:
            call, answer = await prepared(bench, storage, verb)
            with monkeypatch.context() as patch:
                failing(patch, asyncpg.DeadlockDetectedError("x"), times=3)
                assert list(await call()) == answer

    asyncio.run(run())


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", [asyncpg.DiskFullError, asyncpg.QueryCanceledError])
def test_what_has_begun_isn_t_told_as_without_effect(bench, monkeypatch, verb, kind):
    async def run() -> None:
        async with bench.opened(listen="off") as storage:
            call, _ = await prepared(bench, storage, verb)
            with monkeypatch.context() as patch:
                failing(patch, kind("x"), times=99)
                with pytest.raises(StorageUnavailable, match="a part may have") as caught:
                    await call()
            assert caught.value.outcome_unknown is True
            assert "nothing" not in str(caught.value)

    asyncio.run(run())


def test_a_repeat_that_won_t_help_is_told_so_without_a_promise(bench, monkeypatch):
    async def run() -> None:
        async with bench.opened(listen="off") as storage:
            call, _ = await prepared(bench, storage, "delete")
            with monkeypatch.context() as patch:
                failing(patch, asyncpg.InsufficientPrivilegeError("x"), times=99)
                with pytest.raises(StorageError, match="won't help") as caught:
                    await call()
            assert "nothing" not in str(caught.value)

    asyncio.run(run())


def test_the_first_statement_s_failure_left_all_as_it_was(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.sql("ALTER TABLE adc_job ADD CHECK (state <> 5)")
            (job_id,) = await bench.put(storage, bench.job())
            with pytest.raises(StorageError, match="nothing was changed"):
                await storage.hold("q", [job_id])
            (record,) = await storage.get("q", [job_id])
            assert record.state is JobState.SCHEDULED

    asyncio.run(run())
