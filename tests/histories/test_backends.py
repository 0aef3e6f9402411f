"""Every backend under harm: killed and stopped processes, cut connections, restarts; judged.

``ADC_HISTORY_SEED`` has the same draws once more, as far as processes can be;
``ADC_HISTORY_SECONDS`` has them at it for longer. Every second there is worth some hundred calls.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from aide_de_camp import Registry
from aide_de_camp_conformance.histories import Run, run_processes, run_threads

from ..servers import PostgresServer, Proxy, RedisServer

SECONDS = float(os.environ.get("ADC_HISTORY_SECONDS", "4"))
SEEDS = [int(os.environ["ADC_HISTORY_SEED"])] if "ADC_HISTORY_SEED" in os.environ else [1, 2]


def judge(run: Run) -> None:
    print(run.summary())
    if run.verdict.findings:
        pytest.fail(run.report())
    assert run.drained, "the storage couldn't be reached in the end"
    assert run.verdict.judged, "no claim might have passed a job over: nothing was asked of PRI-7"
    assert run.faults, "no harm was done"
    assert {record.claims > 1 for record in run.final.values()} == {True, False}


@pytest.mark.parametrize("seed", SEEDS)
def test_memory(seed, tmp_path):
    opener = Registry().storage("memory://")
    judge(run_threads(opener, tmp_path, seed=seed, seconds=SECONDS))


@pytest.mark.parametrize("seed", SEEDS)
def test_sqlite(seed, tmp_path):
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    folder = tmp_path / "histories"
    folder.mkdir()
    judge(run_processes(url, folder, seed=seed, seconds=SECONDS))


@pytest.mark.parametrize("seed", SEEDS)
def test_postgresql(seed, tmp_path, postgresql_server, postgresql_url):
    with Proxy(postgresql_server.port) as proxy:
        url = proxy.through(postgresql_url)
        judge(
            run_processes(
                url, tmp_path, seed=seed, seconds=SECONDS, direct=postgresql_url, faults=cuts(proxy)
            )
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_redis(seed, tmp_path, redis_server, redis_url):
    with Proxy(redis_server.port) as proxy:
        url = proxy.through(redis_url)
        judge(
            run_processes(
                url, tmp_path, seed=seed, seconds=SECONDS, direct=redis_url, faults=cuts(proxy)
            )
        )


def cuts(proxy: Proxy):
    """Cut connections: all of them now, and single ones before or after they took effect."""
    return {
        "connections cut": proxy.cut,
        "replies lost": lambda: proxy.lose_reply(times=2),
        "requests lost": lambda: proxy.lose_request(times=2),
    }


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_a_server_that_restarts(kind, tmp_path):
    with ExitStack() as stack:
        if kind == "postgresql":
            server = stack.enter_context(PostgresServer(durable=True))
            url = server.create_database()
        else:
            server = stack.enter_context(RedisServer(persistence="always"))
            url = server.url()

        def restart():
            server.kill()
            server.start()

        judge(
            run_processes(
                url, tmp_path, seed=SEEDS[0], seconds=SECONDS, faults={"restarts": restart}
            )
        )
