"""Storages in a file that keep in their process what others should see: for several processes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aide_de_camp.spi import EnqueueResult
from aide_de_camp_backends.sqlite import claiming, committer, connection, files, leases
from aide_de_camp_backends.sqlite.committer import Committer
from aide_de_camp_backends.sqlite.storage import SqliteStorage

from .mutant import RACES, Patches, broken, changed
from .sqlite_faults import begins


@broken("sqlite", "SHR-1.shared", options="synchronous=normal")
def locks_its_own_process() -> Patches:
    """Callers are kept apart by a lock of their process, and by nothing in the file."""
    lock, transact, lease = threading.Lock(), Committer._transact, claiming._lease

    def locked(self, calls):
        with lock:
            return transact(self, calls)

    def leased(tx, rows, request, now):
        # Other processes can't be waited for here: they have their turn in the meantime.
        time.sleep(_TURN if rows else 0)
        return lease(tx, rows, request, now)

    words = dict.fromkeys(("BEGIN IMMEDIATE", "BEGIN", "COMMIT"), "SELECT 1")
    return [
        *begins(words),
        patch.object(Committer, "_transact", locked),
        patch.object(claiming, "_lease", leased),
    ]


_TURN = 0.005
_FLUSH_AFTER = 0.05


@broken("sqlite", "DUR-1.scheduled", may=RACES, options="synchronous=normal")
def acknowledges_first() -> Patches:
    """What is scheduled is acknowledged, and written a moment later."""
    waiting: defaultdict[Path, list[Any]] = defaultdict(list)
    lock, store = threading.Lock(), SqliteStorage.enqueue

    async def flush(self) -> None:
        with lock:
            batches, waiting[self._options.path] = waiting[self._options.path], []
        for queue, jobs, now in batches:
            await store(self, queue, jobs, now=now)

    async def enqueue(self, queue, jobs, *, now):
        if len(jobs) != 1 or any(each.delay for each in jobs):
            await flush(self)
            return await store(self, queue, jobs, now=now)
        (job,) = jobs
        with lock:
            known = any(job in batch for _, batch, _ in waiting[self._options.path])
        if known or (await get(self, queue, [job.id]))[0] is not None:
            return [EnqueueResult.EXISTS]
        self._writer()
        with lock:
            waiting[self._options.path].append((queue, list(jobs), now))
        self._flushing = asyncio.create_task(later(self))
        return [EnqueueResult.STORED]

    async def later(self) -> None:
        await asyncio.sleep(_FLUSH_AFTER)
        if self._opened is not None:
            await flush(self)

    get = SqliteStorage.get

    def after_flush(verb):
        async def flushed(self, *values, **named):
            if self._opened is not None:
                await flush(self)
            return await verb(self, *values, **named)

        return flushed

    verbs = (
        "claim extend settle cancel requeue delete reap prune get list count queues hold "
        "import_jobs unhold discard close enqueue_in"
    )
    return [
        *(
            patch.object(SqliteStorage, name, after_flush(getattr(SqliteStorage, name)))
            for name in verbs.split()
        ),
        patch.object(SqliteStorage, "enqueue", enqueue),
    ]


@broken("sqlite", "LEA-4.kill", options="synchronous=normal")
def keeps_leases_of_the_dead() -> Patches:
    """Only the process that gave a lease takes it back: none does once that was killed."""
    given: set[bytes] = set()
    connect, lease = connection.open_connection, claiming._lease

    def connected(*values, **named) -> sqlite3.Connection:
        made = connect(*values, **named)
        made.create_function("ours", 1, lambda job_id: job_id in given)
        return made

    def leased(tx, rows, request, now):
        given.update(row[1] for row in rows)
        return lease(tx, rows, request, now)

    first_end = f"{leases.FIRST_END} AND ours(id)"
    expired = changed(leases.EXPIRED, "lease_until <= :now", "lease_until <= :now AND ours(id)")
    return [
        patch.object(files, "open_connection", connected),
        patch.object(claiming, "_lease", leased),
        patch.object(leases, "FIRST_END", first_end),
        patch.object(leases, "EXPIRED", expired),
    ]


@broken("sqlite", "WAK-1.process", options="synchronous=normal")
def wakes_its_own_process() -> Patches:
    """Waiters are woken by what their own process commits, and by nobody else."""
    commits = [0]
    transact = Committer._transact

    def transacted(self, calls):
        woken = transact(self, calls)
        commits[0] += bool(woken)
        return woken

    return [
        patch.object(Committer, "_transact", transacted),
        patch.object(committer, "_data_version", lambda connection: commits[0]),
    ]
