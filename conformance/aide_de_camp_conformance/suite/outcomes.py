"""LEA-3, RET-4: of those who end a job at the same time, one does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from aide_de_camp import JobState, new_job_id
from aide_de_camp.spi import (
    ClaimedJob,
    DeadStatus,
    LeaseResult,
    Requeue,
    SettleKind,
    Settlement,
)
from aide_de_camp_conformance.desk import HOUR, Desk, new
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement

_ROUNDS = 25
_TOGETHER = 20

Ends = dict[UUID, str]
"""By a job's id, the state that somebody was told it has now; only of those who won."""


@requirement("LEA-3.race", level=2)
async def one_end(kit: Kit) -> None:
    """Of settlements and a claim that race for an expired lease, one wins; the others are told."""
    desks = [await kit.desk() for _ in range(len(_SETTLES) + 1)]
    winners: Counter[str] = Counter()
    for turn in range(_ROUNDS):
        await desks[0].put([new(max_retries=1_000) for _ in range(_TOGETHER)])
        jobs = await desks[0].claim(_TOGETHER)
        kit.advance(HOUR)
        calls: list[Callable[[Desk, Sequence[ClaimedJob]], Awaitable[Ends]]] = [_takes_back]
        calls += [partial(_settled, kind=kind, state=state) for kind, state in _SETTLES.items()]
        # Who comes first changes, so that each wins some.
        first = turn % len(calls)
        calls = calls[first:] + calls[:first]
        work = [call(desk, jobs) for call, desk in zip(calls, desks, strict=True)]
        told = await asyncio.gather(*work)
        again: list[Settlement] = []
        records = await desks[0].storage.get("default", [job.id for job in jobs])
        for job, record in zip(jobs, records, strict=True):
            won = [ends[job.id] for ends in told if job.id in ends]
            same(len(won), 1, f"how many were told that they ended an attempt: {won}")
            assert record is not None, "a job whose end was told is gone"
            same(record.state, won[0], "the state after it")
            winners += Counter(won)
            if record.state is JobState.RUNNING:
                assert record.token > job.token, "the token of a lease that was taken back stayed"
                again.append(Settlement(job.id, record.token, SettleKind.COMPLETED))
        answers = await desks[0].storage.settle("default", again, now=kit.now)
        applied = [LeaseResult.APPLIED] * len(again)
        same(list(answers), applied, "completing what was claimed anew")
    assert len(winners) > 1, f"only one side ever won, so there was no race: {winners}"


_SETTLES = {
    SettleKind.COMPLETED: JobState.COMPLETED,
    SettleKind.DEAD: JobState.DEAD,
    SettleKind.CANCELLED: JobState.CANCELLED,
    SettleKind.RETRY: JobState.SCHEDULED,
}


async def _settled(
    desk: Desk, jobs: Sequence[ClaimedJob], kind: SettleKind, state: JobState
) -> Ends:
    reason = "x" if kind in (SettleKind.DEAD, SettleKind.CANCELLED) else None
    wanted = [Settlement(job.id, job.token, kind, delay=HOUR, reason=reason) for job in jobs]
    results = await desk.storage.settle(desk.queue, wanted, now=desk.now)
    applied = LeaseResult.APPLIED
    return {job.id: state for job, got in zip(jobs, results, strict=True) if got is applied}


async def _takes_back(desk: Desk, jobs: Sequence[ClaimedJob]) -> Ends:
    result = await desk.call_claim(1_000)
    # What a settlement that comes too late still has locked may be taken back and not handed out.
    taken: Ends = {each.id: each.state for each in result.reaped}
    return taken | dict.fromkeys([job.id for job in result.jobs], JobState.RUNNING)


@requirement("RET-4.race", level=2)
async def one_rescue(kit: Kit) -> None:
    """Of requeues and deletions of one dead job that race exactly one wins, and others are told."""
    desks = [await kit.desk() for _ in range(3)]
    for turn in range(_ROUNDS):
        await desks[0].put([new(f"t{turn}") for _ in range(_TOGETHER)])
        jobs = await desks[0].claim(_TOGETHER, types=(f"t{turn}",))
        ids = [job.id for job in jobs]
        dead = [Settlement(job.id, job.token, SettleKind.DEAD, reason="x") for job in jobs]
        await desks[0].storage.settle("default", dead, now=kit.now)
        calls = [_requeues, _requeues, _deletes]
        calls = calls[turn % 3 :] + calls[: turn % 3]
        work = [call(desk, ids) for call, desk in zip(calls, desks, strict=True)]
        told = await asyncio.gather(*work)
        for job_id, record in zip(ids, await desks[0].storage.get("default", ids), strict=True):
            won = [done[job_id] for done in told if job_id in done]
            same(len(won), 1, f"how many were told that they did it: {won}")
            same(record and record.state.value, won[0], "what is there after it")


async def _requeues(desk: Desk, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    wanted = [Requeue(job_id, new_job_id()) for job_id in ids]
    results = await desk.storage.requeue(desk.queue, wanted, now=desk.now)
    return {
        each: JobState.SCHEDULED.value
        for each, got in zip(ids, results, strict=True)
        if got is DeadStatus.DONE
    }


async def _deletes(desk: Desk, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    results = await desk.storage.delete(desk.queue, ids)
    return {each: None for each, got in zip(ids, results, strict=True) if got is DeadStatus.DONE}
