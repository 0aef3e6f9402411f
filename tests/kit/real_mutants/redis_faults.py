"""Faults in the Redis backend: its scripts, and how they are sent."""

from __future__ import annotations

import hashlib
import time
from unittest.mock import patch

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends.redis import link, scripts, words
from aide_de_camp_backends.redis.keys import QueueKeys
from aide_de_camp_backends.redis.listening import _Ear
from aide_de_camp_backends.redis.node import Node
from aide_de_camp_backends.redis.scripts import Script
from aide_de_camp_backends.redis.storage import RedisStorage
from aide_de_camp_conformance.mutants.gap import Gap

from .gap import Hearers
from .mutant import RACES, Patches, broken, changed


def _other(script: Script, *changes: tuple[str, str], writes: bool = True) -> Script:
    text = script.text.decode()
    for old, new in changes:
        text = changed(text, old, new)
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return Script(script.name, text.encode(), digest, writes)


def _swapped(name: str, *changes: tuple[str, str]) -> Patches:
    return [patch.object(scripts, name, _other(getattr(scripts, name), *changes))]


@broken("redis", "CAN-8.race", "LEA-2.back", "PRI-7.once", may=RACES)
def claims_in_two_commands() -> Patches:
    """A claim reads which jobs are due, and takes those by a command of its own."""
    gap, walk = Gap(), "local members, next_due = walk(names, limit)"
    look = _other(scripts.CLAIM, (walk, f"{walk}\nif true then return members end"))
    took = "local count = tonumber(table.remove(ARGV))\nlocal members, next_due = {}, nil\n"
    took += "for _ = 1, count do table.insert(members, 1, table.remove(ARGV)) end\n"
    take = _other(
        scripts.CLAIM,
        ("local request, limit, length", f"{took}local request, limit, length"),
        (walk, ""),
    )

    async def claim(self, queue, request, *, now):
        given = words.of_claim(request)
        found = await self._run(look, queue, now, given)
        if found and isinstance(found[-1], list):
            return words.claim_result(found)  # held already, or nothing was asked for
        if found:
            await gap.wait()
        taken = await self._run(take, queue, now, [*given, *found, len(found)])
        return words.claim_result(taken)

    return [patch.object(RedisStorage, "claim", claim)]


_HOLDS = "elseif job and job.state == RUNNING_STATE and job.token == token then"


@broken("redis", "LEA-3.race")
def settles_in_two_commands() -> Patches:
    """A settlement looks by one command whether the lease holds, and applies by another."""
    gap = Gap()
    apply = _other(scripts.SETTLE, (_HOLDS, "elseif job and job.state == RUNNING_STATE then"))

    async def settle(self, queue, settlements, *, now):
        ids = [each.id for each in settlements]
        records = await self.get(queue, ids)
        held = {(each.id, each.token) for each in records if each and each.state == "running"}
        await gap.wait()
        answers = []
        for each in settlements:
            script = apply if (each.id, each.token) in held else scripts.SETTLE
            given = words.of_settlements([each])
            answers += await self._run(script, queue, now, given, job_ids=[each.id])
        return words.lease_results(answers)

    return [patch.object(RedisStorage, "settle", settle)]


@broken("redis", "LEA-3.lost", "LEA-3.mixed", "LEA-3.race", "LEA-3.settle")
def settles_without_its_token() -> Patches:
    """A settlement applies to whoever runs the job."""
    return _swapped("SETTLE", (_HOLDS, "elseif job and job.state == RUNNING_STATE then"))


@broken("redis", "LIV-4.overtaken")
def remembers_one_settlement() -> Patches:
    """A settlement that is repeated after another of the same job doesn't find its own doing."""
    return _swapped("SETTLE", ("at + 8) == wanted", "at + 8) == ''"))


@broken("redis", "LIV-4.handle", "LIV-4.overtaken", "LIV-4.settle")
def settles_anew() -> Patches:
    """A settlement that is repeated after a lost reply doesn't find its own doing."""
    return _swapped("SETTLE", ("run.settled == token and", "false and"))


@broken("redis", "ENQ-8.batch", "ENQ-8.idempotent", "LIV-4.schedule")
def stores_anew() -> Patches:
    """A job that is stored again, after a lost reply, is stored over itself."""
    return _swapped("ENQUEUE", ("if find(id) then", "if false then"))


@broken("redis", "LIV-4.claim", "LIV-4.poll", "LIV-4.refused", "LIV-4.runner")
def forgets_requests() -> Patches:
    """A claim that is repeated after a lost reply takes other jobs."""
    return _swapped("CLAIM", ("if #held > 0 then", "if false then"))


@broken("redis", "CAN-2.running", "CAN-8.race", "CAN-9.expired")
def cancels_whatever_runs() -> Patches:
    """A cancel looks at no state."""
    return _swapped(
        "CANCEL",
        ("elseif job.state == RUNNING_STATE then\n    answer = 1", "elseif false then"),
        ("elseif job.state ~= SCHEDULED_STATE then", "elseif job.state > RUNNING_STATE then"),
    )


@broken("redis", "LEA-1.clock", "LEA-1.hosts")
def extends_by_its_own_clock() -> Patches:
    """A heartbeat's lease counts from the client's clock, and everything else from the server's."""
    original = RedisStorage._run

    async def run(self, script, queue, now, arguments, *, job_ids=()):
        if script.name == "extend" and now is None:
            now = time.time_ns() // 1_000
        return await original(self, script, queue, now, arguments, job_ids=job_ids)

    return [patch.object(RedisStorage, "_run", run)]


@broken("redis", "LEA-1.clock", "LEA-1.hosts")
def stores_by_its_own_clock() -> Patches:
    """A delay counts from the client's clock, and everything else from the server's."""
    original = RedisStorage._run

    async def run(self, script, queue, now, arguments, *, job_ids=()):
        if script.name == "enqueue" and now is None:
            now = time.time_ns() // 1_000
        return await original(self, script, queue, now, arguments, job_ids=job_ids)

    return [patch.object(RedisStorage, "_run", run)]


@broken("redis", "LEA-1.hosts")
def reads_no_other_clock() -> Patches:
    """Every verb reads the client's clock, as if all clients were on one host."""
    original = RedisStorage._run

    async def run(self, script, queue, now, arguments, *, job_ids=()):
        now = time.time_ns() // 1_000 if now is None else now
        return await original(self, script, queue, now, arguments, job_ids=job_ids)

    return [patch.object(RedisStorage, "_run", run)]


@broken(
    "redis",
    "WAK-1.now",
    may=(
        "PRI-7.passed",
        "WAK-1.wait",
        "WAK-1.earlier",
    ),
)
def tells_before_it_stores() -> Patches:
    """Others are told of new jobs before these are stored."""
    quiet = _other(scripts.ENQUEUE, ("begin()\nwake()", "begin()"))
    original, hearers = RedisStorage.enqueue, Hearers()

    async def enqueue(self, queue, jobs, *, now):
        keys = QueueKeys.of(self._options.prefix, queue)
        await self._link().command(keys.tag, "SPUBLISH", keys.channel, "1")
        await hearers.turn()
        return await original(self, queue, jobs, now=now)

    return [
        patch.object(scripts, "ENQUEUE", quiet),
        patch.object(RedisStorage, "enqueue", enqueue),
        *hearers.watched(RedisStorage),
    ]


@broken("redis", "WAK-1.reconnects")
def never_listens_again() -> Patches:
    """Once its connection is lost, a storage listens no more."""

    async def run(self) -> None:
        await self._listen()

    return [patch.object(_Ear, "_run", run)]


@broken("redis", "KEP-1.steps")
def prunes_all_at_once() -> Patches:
    """Pruning has no bound."""
    return _swapped("PRUNE", ("tonumber(ARGV[4]), 0", "math.huge, 0"))


@broken("redis", "ERR-1.unreachable")
def hands_on_what_the_driver_raises() -> Patches:
    """The driver's errors leave the backend as they are."""
    return [patch.object(link, "translate", lambda error, *_, **__: error)]


@broken("redis", "LIV-2.dropped", may=("ERR-1.unreachable",))
def gives_a_server_up() -> Patches:
    """A server whose connection broke once is never connected to again."""
    take, given_up = Node.take, set[str]()

    async def takes(self):
        if any(not line.usable for line in self._free):
            given_up.add(str(self))
        if str(self) in given_up:
            raise StorageUnavailable("the server was given up", outcome_unknown=False)
        return await take(self)

    return [patch.object(Node, "take", takes)]
