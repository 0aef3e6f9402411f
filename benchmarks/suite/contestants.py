"""Who is compared, with which settings, and where these are documented."""

from __future__ import annotations

from typing import Final

from attrs import frozen

OURS: Final = "aide-de-camp"
FLOOR: Final = "floor"


@frozen
class Contestant:
    """One project on one backend.

    Attributes:
        name: as it is shown.
        backend: ``memory``, ``sqlite``, ``postgresql`` or ``redis``.
        adapter: the module in ``benchmarks/peers``.
        environment: its table in ``requirements.toml``; None is the suite's own Python.
        settings: what was chosen, in words.
        documented: where its own documentation says so.
        slow: whether it drains less than 2,000 jobs/s, so that it gets a quarter of the jobs where
            there are many: enough for seconds, and not for many minutes.
    """

    name: str
    backend: str
    adapter: str
    environment: str | None
    settings: str
    documented: str
    slow: bool = False

    @property
    def key(self) -> str:
        return f"{self.backend}/{self.name}"


def _ours(backend: str) -> Contestant:
    return Contestant(
        OURS, backend, "ours", None, "adc worker --concurrency 200, uvloop", "docs/reference/cli.md"
    )


def _floor(backend: str, driver: str, name: str = FLOOR) -> Contestant:
    return Contestant(
        name,
        backend,
        f"floor_{backend}",
        None,
        f"{driver}, this project's statements, claims and ends by 100, no framework",
        "benchmarks/peers",
    )


_SAQ: Final = "saq command, concurrency 100, ttl -1 (no result), uvloop as the loop's policy"

CONTESTANTS: Final[tuple[Contestant, ...]] = (
    _ours("memory"),
    _ours("sqlite"),
    _floor("sqlite", "sqlite3"),
    _floor("sqlite", "aiosqlite", "floor (aiosqlite)"),
    Contestant(
        "huey",
        "sqlite",
        "huey_peer",
        "huey",
        "huey_consumer -w 1 -k thread -d 0.01 -m 0.05, WAL, fsync=True, results=False",
        "huey_consumer --help; huey.storage.SqliteStorage: fsync, journal_mode",
    ),
    _ours("postgresql"),
    _floor("postgresql", "asyncpg"),
    Contestant(
        "pgqueuer",
        "postgresql",
        "pgqueuer_peer",
        "pgqueuer",
        "pgq run --batch-size 500, AsyncpgDriver, uvloop (its command's own)",
        "pgq run --help; its README: AsyncpgDriver, the factory",
    ),
    Contestant(
        "procrastinate",
        "postgresql",
        "procrastinate_peer",
        "procrastinate",
        "procrastinate worker --concurrency 10 --delete-jobs successful, LISTEN on",
        "procrastinate worker --help",
        slow=True,
    ),
    Contestant(
        "oban",
        "postgresql",
        "oban_peer",
        "oban",
        "oban start --queues default:500, uvloop (its command's own)",
        "oban start --help; its README",
    ),
    Contestant(
        "chancy",
        "postgresql",
        "chancy_peer",
        "chancy",
        "Worker API; executor Async, concurrency 1000, eager_polling, polling_interval 1",
        "docstrings of chancy.Queue, AsyncExecutor and Worker",
        slow=True,
    ),
    Contestant(
        "saq",
        "postgresql",
        "saq_peer",
        "saq",
        _SAQ,
        "docstrings of saq.Worker and saq.Job (ttl); uvloop isn't in them, but was faster",
        slow=True,
    ),
    _ours("redis"),
    _floor("redis", "redis.asyncio"),
    Contestant(
        "huey",
        "redis",
        "huey_peer",
        "huey",
        "huey_consumer -w 1 -k thread, blocking pops, results=False",
        "huey_consumer --help; huey.storage.RedisStorage: blocking",
    ),
    Contestant(
        "taskiq",
        "redis",
        "taskiq_peer",
        "taskiq",
        "taskiq worker --workers 1 --max-async-tasks 100, ListQueueBroker, no result backend",
        "taskiq worker --help; docstring of taskiq_redis.ListQueueBroker",
    ),
    Contestant(
        "saq",
        "redis",
        "saq_peer",
        "saq",
        _SAQ,
        "docstrings of saq.Worker and saq.Job (ttl); uvloop isn't in them, but was faster",
        slow=True,
    ),
    Contestant(
        "arq",
        "redis",
        "arq_peer",
        "arq",
        "arq command, max_jobs 1000, poll_delay 0.01, keep_result 0, uvloop as the loop's policy",
        "docstring of arq.worker.Worker; uvloop isn't in it, but was faster",
        slow=True,
    ),
    Contestant(
        "streaq",
        "redis",
        "streaq_peer",
        "streaq",
        "streaq run, concurrency 100, anyio_kwargs use_uvloop, ttl=0 (no result kept)",
        "docstring of streaq.Worker: concurrency, anyio_kwargs",
        slow=True,
    ),
    Contestant(
        "dramatiq",
        "redis",
        "dramatiq_peer",
        "dramatiq",
        "dramatiq --processes 1 --threads 8 (its default), no result store",
        "dramatiq --help",
    ),
    Contestant(
        "rq",
        "redis",
        "rq_peer",
        "rq",
        "rq worker --worker-class rq.SimpleWorker, result_ttl 0",
        "rq worker --help: --worker-class; Queue.enqueue: result_ttl",
        slow=True,
    ),
    Contestant(
        "celery",
        "redis",
        "celery_peer",
        "celery",
        "celery worker --pool solo, prefetch multiplier 64, results ignored, no gossip",
        "celery worker --help: --pool, --prefetch-multiplier, --without-*",
        slow=True,
    ),
)


def chosen(backends: tuple[str, ...], names: tuple[str, ...]) -> list[Contestant]:
    """Give those of some backends and names; of all where none is named."""
    return [
        each
        for each in CONTESTANTS
        if (not backends or each.backend in backends) and (not names or each.name in names)
    ]
