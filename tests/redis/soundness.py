"""Whether what is stored of a queue agrees with itself: every index and counter with the jobs."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from aide_de_camp.spi import JobRecord, JobState
from aide_de_camp_backends._sql.codes import STATE_CODES
from aide_de_camp_backends.redis.keys import QueueKeys
from aide_de_camp_backends.redis.wire import number, record

from ..servers import RedisServer

_RUN_FIXED = 37
"""The bytes of a run before its first name, which is the request that holds the job."""
_ENDED = (JobState.COMPLETED, JobState.CANCELLED)


def check(server: RedisServer, url: str, queue: str, *, prefix: str = "adc") -> list[JobRecord]:
    """Compare a queue's keys with each other.

    Returns:
        Every job that is stored.

    Raises:
        AssertionError: an index or a counter says something else than the jobs.
    """
    database = int(url.rpartition("/")[2] or 0)
    keys = {
        key.rpartition(":")[2]: key.encode("utf-8", "surrogatepass")
        for key in QueueKeys.of(prefix, queue).all
    }

    def ask(command: str, name: str, *more: str | int) -> list[bytes]:
        answer: list[Any] = server.call(command, keys[name], *more, database=database)
        return [value.encode("utf-8", "surrogateescape") for value in answer]

    def hash_of(name: str) -> dict[bytes, bytes]:
        flat = ask("HGETALL", name)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def members(name: str) -> set[bytes]:
        return set(ask("ZRANGE", name, 0, -1))

    heads, runs, errors, bodies = map(hash_of, ("job", "run", "error", "body"))
    jobs: list[JobRecord] = []
    requests: dict[UUID, bytes] = {}
    for job_id, head in heads.items():
        run = runs.get(job_id)
        found = record(
            queue, UUID(bytes=job_id), (head, run, errors.get(job_id), bodies.get(job_id))
        )
        assert found is not None
        jobs.append(found)
        if run is not None:
            requests[found.id] = run[_RUN_FIXED + 1 :][: run[_RUN_FIXED]]

    def standing(job: JobRecord) -> bytes:
        return bytes([127 - job.priority]) + number(job.scheduled_at) + job.id.bytes

    def with_type(job: JobRecord) -> bytes:
        name = job.job_type.encode()
        return len(name).to_bytes(2, "big") + name + standing(job)

    def those(*states: JobState) -> list[JobRecord]:
        return [job for job in jobs if job.state in states]

    assert set(bodies) == set(heads)
    assert set(runs) | set(errors) <= set(heads)
    assert all(len(job.payload or b"") == job.payload_size for job in jobs)
    assert members("schedule") == {with_type(job) for job in those(JobState.SCHEDULED)}
    running = those(JobState.RUNNING)
    assert members("leases") == {number(job.lease_until or 0) + job.id.bytes for job in running}
    assert members("held") == {requests[job.id] + standing(job) for job in running}
    done = {number(job.finished_at or 0) + job.id.bytes for job in those(*_ENDED)}
    assert members("done") == done
    assert members("dead") == {job.id.bytes for job in those(JobState.DEAD)}
    assert members("ids") == set(heads)
    counted = Counter(str(STATE_CODES[job.state]) + job.job_type for job in jobs)
    assert {name.decode(): int(size) for name, size in hash_of("counts").items()} == counted
    return jobs
