"""What a URL lets nobody do to a server: kill it, stop it, cut a connection (LIV-2, LIV-4)."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp import new_job_id
from aide_de_camp.spi import (
    ClaimRequest,
    ConfigurationError,
    CountFilter,
    EnqueueResult,
    NewJob,
    RetryLimits,
    Storage,
    StorageError,
    StorageOpener,
    StorageUnavailable,
)
from aide_de_camp_conformance import REQUIREMENTS, Harness, Outcome, Server, run_requirement

from ..servers.mariadb import HELP, MariadbServer, has_mariadb
from ..servers.proxy import Proxy

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_backend"
pytestmark = pytest.mark.skipif(not has_mariadb(), reason=HELP)


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with MariadbServer() as running:
        yield running


@pytest.fixture
def storage_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Opens the example's storages from its source."""
    monkeypatch.syspath_prepend(str(EXAMPLE))

    def storage_of(url: str, **options: str) -> Storage:
        from adc_mariadb.plugin import connect

        return connect(url, options)()

    return storage_of


class OwnServer(Harness):
    """The kit on a server that nobody else uses, so that it may be killed."""

    def __init__(self, server: MariadbServer) -> None:
        self._server = server
        self._url = server.create_database()

    def opener(self, namespace: str) -> StorageOpener:
        from adc_mariadb.plugin import connect

        return connect(f"{self._url}?prefix={namespace}_", {})

    def server(self, namespace: str) -> Server:
        return self._server


@pytest.mark.parametrize("id_", ["DUR-1.server", "LIV-2.restart"])
def test_the_kit_kills_its_server(monkeypatch: pytest.MonkeyPatch, id_: str) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    with MariadbServer() as server:
        result = run_requirement(REQUIREMENTS[id_], OwnServer(server))
    assert result.outcome is Outcome.PASSED, result.message


def job(payload: bytes = b"x") -> NewJob:
    return NewJob(new_job_id(), "a", payload, "raw")


def request() -> ClaimRequest:
    return ClaimRequest(None, 2, 60_000_000, RetryLimits(), "w", uuid.uuid4())


def test_a_claim_whose_reply_was_lost_is_given_again(server, storage_of):
    async def main() -> None:
        with Proxy(server.port) as proxy:
            url = server.create_database()
            storage = storage_of(url.replace(str(server.port), str(proxy.port)))
            await storage.open()
            await storage.enqueue("q", [job() for _ in range(5)], now=None)
            wanted = request()
            lost = proxy.lose_reply(to=b"COMMIT")
            with pytest.raises(StorageUnavailable) as caught:
                await storage.claim("q", wanted, now=None)
            lost.wait()
            assert caught.value.outcome_unknown
            again = await storage.claim("q", wanted, now=None)
            assert [each.claims for each in again.jobs] == [1, 1]
            rows = await storage.count("q", CountFilter())
            assert sorted((row.state.value, row.count) for row in rows) == [
                ("running", 2),
                ("scheduled", 3),
            ]
            await storage.close()

    asyncio.run(main())


def test_after_a_restart_the_next_call_simply_works(server, storage_of):
    async def main() -> None:
        storage = storage_of(server.create_database())
        await storage.open()
        one = job()
        await storage.enqueue("q", [one], now=None)
        server.kill()
        with pytest.raises(StorageUnavailable) as caught:
            await storage.get("q", [one.id])
        assert not caught.value.outcome_unknown
        server.start()
        (record,) = await storage.get("q", [one.id])
        assert record.payload == b"x"
        await storage.close()

    asyncio.run(main())


def test_a_server_that_hangs_is_given_up_within_the_timeout(server, storage_of):
    async def main() -> None:
        storage = storage_of(server.create_database(), timeout="1")
        await storage.open()
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(30):
                with pytest.raises(StorageUnavailable):
                    await storage.enqueue("q", [job()], now=None)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        assert await storage.enqueue("q", [job()], now=None) == [EnqueueResult.STORED]
        await storage.close()

    asyncio.run(main())


def test_a_payload_that_no_statement_holds_is_refused_and_nothing_is_stored(server, storage_of):
    async def main() -> None:
        storage = storage_of(server.create_database())
        await storage.open()
        big = job(b"'" * (40 * 1024 * 1024))
        with pytest.raises(StorageError, match="max_allowed_packet"):
            await storage.enqueue("q", [job(), big], now=None)
        assert await storage.count("q", CountFilter()) == []
        fits = job(b"\\" * (16 * 1024 * 1024))
        await storage.enqueue("q", [fits, job(b"\0" * (16 * 1024 * 1024))], now=None)
        (record,) = await storage.get("q", [fits.id])
        assert record.payload == fits.payload
        await storage.close()

    asyncio.run(main())


def test_many_may_open_an_empty_database_at_once(server, storage_of):
    async def main() -> None:
        url = server.create_database()
        storages = [storage_of(url) for _ in range(6)]
        await asyncio.gather(*(each.open() for each in storages))
        assert await storages[0].migrate() == (1, 1)
        await asyncio.gather(*(each.close() for each in storages))

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    [
        "mariadb://",
        "mariadb://host",
        "mariadb://host/a/b",
        "mariadb://u:pa?ss@host/db",
        "mariadb://u:secret@host:port/db",
        "mariadb://host/db?prefix=x-y",
        "mariadb://host/db?timeout=0",
        "mariadb://host/db?pool_size=-1",
        "mariadb://host/db?migrate=maybe",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_no_password_shown(storage_of, url):
    with pytest.raises(ConfigurationError) as caught:
        storage_of(url)
    assert "secret" not in str(caught.value)
    assert "ss@" not in str(caught.value)


def test_what_cannot_be_opened_says_why(server, storage_of):
    async def refused(url: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            await storage_of(url).open()
        return str(caught.value)

    url = server.create_database()
    assert "create it" in asyncio.run(refused(url + "_not"))
    assert "refused the user" in asyncio.run(refused(url.replace("adc@", "adc:wrong@")))
