"""The Redis storage: the verbs of the SPI, each one script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    Capability,
    ClaimRequest,
    ClaimResult,
    CountFilter,
    CountRow,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    QueueClosed,
    ReapedJob,
    RecordPage,
    Requeue,
    Settlement,
    StorageBase,
    StorageUnavailable,
    Wake,
)
from aide_de_camp_backends._sql.codes import STATE_CODES, STATES
from aide_de_camp_backends.redis import scripts, words
from aide_de_camp_backends.redis.inspection import Server
from aide_de_camp_backends.redis.keys import QueueKeys, registry_key
from aide_de_camp_backends.redis.line import Word
from aide_de_camp_backends.redis.link import Link
from aide_de_camp_backends.redis.listening import Listening
from aide_de_camp_backends.redis.opening import LAYOUT, check_layout, inspect
from aide_de_camp_backends.redis.options import Kind, Options
from aide_de_camp_backends.redis.waking import Waking
from aide_de_camp_backends.redis.wire import in_groups, number, read_text, record, text

_ALWAYS: Final = frozenset({Capability.WAKE_UP, Capability.SHARED, Capability.MOVE})
_HELD: Final = CountFilter(states=frozenset({JobState.HELD}))
_LOOKS: Final = 2_000
"""How many jobs a script looks at that searches."""


class RedisStorage(StorageBase):
    """Jobs in a Redis. One instance belongs to one event loop.

    Args:
        options: where the servers are, and how to use them.
        told: the warnings that storages of the same opener gave already.
    """

    def __init__(self, options: Options, told: set[str]) -> None:
        self._options = options
        self._told = told
        self._opened: Link | None = None
        self._listening: Listening | None = None
        self._waking = Waking()
        self._servers: list[Server] = []
        self._named: set[str] = set()

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """See :meth:`Storage.open`; harmless when repeated."""
        if self._opened is not None:
            return
        link = Link(self._options)
        try:
            self._servers = await inspect(link, self._options, self._told)
            await check_layout(link, self._options.prefix)
        except BaseException:
            # Who gives up opening must leave no connection behind.
            await link.close()
            raise
        self._opened = link
        self._listening = Listening(link.place, self._options, self._waking.woken)

    async def close(self) -> None:
        """See :meth:`Storage.close`."""
        link, self._opened = self._opened, None
        listening, self._listening = self._listening, None
        if link is None or link.forked:
            return
        # Whoever still waits finds out by the next call that the storage is closed.
        self._waking.woken_all()
        try:
            if listening is not None:
                await listening.close()
        finally:
            await link.close()

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`: there is one layout so far."""
        link = Link(self._options)
        try:
            return (await check_layout(link, self._options.prefix), LAYOUT)
        finally:
            await link.close()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :attr:`Storage.capabilities`: what holds with every server's settings."""
        durable = [each.durability for each in self._servers]
        if not durable:
            return _ALWAYS
        return _ALWAYS | durable[0].intersection(*durable)

    @property
    def server(self) -> str:
        """See :attr:`Storage.server`."""
        if not self._servers:
            return "Redis"
        told = "; ".join(dict.fromkeys(map(str, self._servers)))
        if self._options.kind is Kind.CLUSTER:
            return f"cluster of {len(self._servers)} masters: {told}"
        return told

    # --- changes ------------------------------------------------------------------------------

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        ids = [job.id for job in jobs]
        return await self._store(scripts.ENQUEUE, queue, now, words.of_jobs(jobs), ids)

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        given = words.of_claim(request)
        return words.claim_result(await self._run(scripts.CLAIM, queue, now, given))

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        given, ids = [number(lease), *words.of_leases(leases)], [held.id for held in leases]
        answer = await self._run(scripts.EXTEND, queue, now, given, job_ids=ids)
        return words.lease_results(answer)

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        given, ids = words.of_settlements(settlements), [each.id for each in settlements]
        answer = await self._run(scripts.SETTLE, queue, now, given, job_ids=ids)
        return words.lease_results(answer)

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        given, ids = words.of_cancellations(cancellations), [each.id for each in cancellations]
        answer = await self._run(scripts.CANCEL, queue, now, given, job_ids=ids)
        return words.cancel_results(answer)

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        given, ids = words.of_requeues(requests), [each.id for each in requests]
        answer = await self._run(scripts.REQUEUE, queue, now, given, job_ids=ids)
        return words.dead_results(answer)

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        given = [each.bytes for each in ids]
        answer = await self._run(scripts.DELETE, queue, None, given, job_ids=ids)
        return words.dead_results(answer)

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        return words.reaped_jobs(await self._run(scripts.REAP, queue, now, [limit]))

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        removed: int = await self._run(scripts.PRUNE, queue, now, [number(-keep), limit])
        return removed

    # --- moving -------------------------------------------------------------------------------

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        return await self._records(scripts.HOLD, queue, ids)

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        ids = [each.id for each in records]
        return await self._store(scripts.IMPORT, queue, None, words.of_records(records), ids)

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        given = [each.bytes for each in ids]
        answer = await self._run(scripts.UNHOLD, queue, now, given, job_ids=ids)
        return words.hold_results(answer)

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        given = [each.bytes for each in ids]
        answer = await self._run(scripts.DISCARD, queue, None, given, job_ids=ids)
        return words.hold_results(answer)

    # --- looking ------------------------------------------------------------------------------

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        return await self._records(scripts.GET, queue, ids)

    async def list(
        self,
        queue: str,
        where: JobFilter,
        *,
        limit: int,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> RecordPage:
        """See :meth:`Storage.list`."""
        given: list[Word] = [
            int(words.only_dead(where)),
            int(newest_first),
            b"" if after is None else after.bytes,
            limit,
            _LOOKS,
            *words.of_filter(where),
        ]
        behind, *found = await self._run(scripts.LIST, queue, None, given)
        read = [record(queue, UUID(bytes=job_id), parts) for job_id, *parts in in_groups(found, 4)]
        records = tuple(each for each in read if each is not None)
        return RecordPage(records, UUID(bytes=behind) if behind else None)

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""
        if where.reasons is not None:
            return await self._count_reasons(queue, where)
        keys = self._keys(queue)
        flat = await self._link().command(keys.tag, "HGETALL", keys.counts)
        rows = [
            CountRow(STATES[int(field[:1])], read_text(field[1:]), int(count))
            for field, count in in_groups(flat, 2)
        ]
        return [
            row
            for row in rows
            if (where.states is None or row.state in where.states)
            and (where.job_types is None or row.job_type in where.job_types)
        ]

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        link, key = self._link(), registry_key(self._options.prefix)
        names = sorted(read_text(each) for each in await link.command(key, "SMEMBERS", key))
        keys = [self._keys(name) for name in names]
        there = [await link.command(each.tag, "EXISTS", each.job) for each in keys]
        return [name for name, exists in zip(names, there, strict=True) if exists]

    async def _count_reasons(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        counts: Counter[tuple[JobState, str]] = Counter()
        names = [*words.of_names(where.job_types), *words.of_names(where.reasons)]
        wanted_states = [JobState.CANCELLED, JobState.DEAD]
        if await self.count(queue, _HELD):
            wanted_states.append(JobState.HELD)  # which stand in no index: all jobs are looked at
        for state in wanted_states:
            wanted = where.states is None or state in where.states
            behind = b""
            while wanted:
                given: list[Word] = [STATE_CODES[state], behind, _LOOKS, *names]
                behind, *found = await self._run(scripts.REASONS, queue, None, given)
                for name, count in in_groups(found, 2):
                    counts[state, read_text(name)] += int(count)
                wanted = bool(behind)
        return [CountRow(state, name, count) for (state, name), count in sorted(counts.items())]

    # --- waking -------------------------------------------------------------------------------

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`."""
        if self._listening is not None:
            self._link().check_process()
            self._listening.listen(queue, self._keys(queue))
        return self._waking.ticket(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`."""
        self._link().check_process()
        return await self._waking.wait(queue, ticket, timeout)

    # --- the way there ------------------------------------------------------------------------

    def _keys(self, queue: str) -> QueueKeys:
        return QueueKeys.of(self._options.prefix, queue)

    def _link(self) -> Link:
        if self._opened is None:
            raise QueueClosed("the storage isn't open: open the queue first")
        return self._opened

    async def _run(
        self,
        script: scripts.Script,
        queue: str,
        now: int | None,
        arguments: Iterable[Word],
        *,
        job_ids: Sequence[UUID] = (),
    ) -> Any:
        keys = self._keys(queue)
        moment = b"" if now is None else number(now)
        try:
            return await self._link().run(
                script, keys, (moment, keys.channel, *arguments), job_ids=job_ids
            )
        except StorageUnavailable:
            self._named.clear()  # another server may answer next, which doesn't know the names
            raise

    async def _records(
        self, script: scripts.Script, queue: str, ids: Sequence[UUID]
    ) -> Sequence[JobRecord | None]:
        given = [each.bytes for each in ids]
        answer = await self._run(script, queue, None, given, job_ids=ids)
        found = zip(ids, in_groups(answer, 4), strict=True)
        return [record(queue, job_id, parts) for job_id, parts in found]

    async def _store(
        self,
        script: scripts.Script,
        queue: str,
        now: int | None,
        arguments: Iterable[Word],
        ids: Sequence[UUID],
    ) -> Sequence[EnqueueResult]:
        if queue not in self._named:
            await self._name(queue, ids)
        is_new, *stored = await self._run(script, queue, now, arguments, job_ids=ids)
        if is_new:
            # Somebody may have emptied the server since it was named.
            self._named.discard(queue)
            try:
                await self._name(queue, ids)
            except StorageUnavailable as error:
                raise StorageUnavailable(str(error), outcome_unknown=True, job_ids=ids) from error
        return [EnqueueResult.STORED if each else EnqueueResult.EXISTS for each in stored]

    async def _name(self, queue: str, ids: Sequence[UUID]) -> None:
        """Note that a queue exists. Before its first job, so that no job is in an unknown queue."""
        key = registry_key(self._options.prefix)
        await self._link().command(key, "SADD", key, text(queue), job_ids=ids)
        self._named.add(queue)
