"""Peers' reports about stores that can't be reached (P125), as far as they are about Redis."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aide_de_camp import StorageUnavailable, open_queue
from aide_de_camp.spi import StorageError

from ..servers import Proxy, RedisServer
from .conftest import Run
from .support import ORDER, Order, keeping
from .trouble import be_hasty, running, until

PASSWORD, WRONG = "open-sesame", "s3same-wr0ng"
APP = """
from aide_de_camp import JobRouter
router = JobRouter()

@router.job("quick")
async def quick(name: str) -> None: ...
"""
WORKER = [sys.executable, "-m", "aide_de_camp", "worker", "app:router"]
WAIT_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(persistence="always", password=PASSWORD) as started:
        yield started


def wrong_url(kind: str, server: RedisServer) -> str:
    right = server.url()
    if kind == "port":
        with Proxy(server.port) as proxy:  # a port that nobody listens at by the time it is used
            return proxy.through(right)
    if kind == "host":
        return right.replace("127.0.0.1", "nowhere.invalid")
    if kind == "password":
        return right.replace(PASSWORD, WRONG)
    return right.replace(f":{PASSWORD}@", "")


KINDS = ["port", "host", "password", "no password"]
SAID = {
    "port": "the connection failed",
    "host": "nowhere.invalid",
    "password": "or refuses those in the URL",
    "no password": "the server asks for a user name and password",
}


@pytest.mark.parametrize("kind", KINDS)
def test_p125_opening_says_what_is_wrong(kind: str, server: RedisServer, run: Run) -> None:
    """ERR-1: at once, by name, and without the password."""

    async def scenario() -> None:
        async with open_queue(wrong_url(kind, server)):
            raise AssertionError("it was opened")

    with pytest.raises((StorageUnavailable, StorageError)) as caught:
        run(scenario())
    assert PASSWORD not in str(caught.value)
    assert WRONG not in str(caught.value)
    is_down = kind in ("port", "host")
    assert isinstance(caught.value, StorageUnavailable) is is_down


@pytest.mark.parametrize("kind", KINDS)
def test_p125_a_worker_ends_with_one_clear_line(
    kind: str, server: RedisServer, tmp_path: Path
) -> None:
    """What a repeat can't mend ends it with --wait too."""
    (tmp_path / "app.py").write_text(APP)
    more = [] if kind in ("port", "host") else ["--wait"]
    done = subprocess.run(
        [*WORKER, *more, "--queue", wrong_url(kind, server)],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("adc: error: ")
    assert SAID[kind] in line
    assert PASSWORD not in done.stderr
    assert WRONG not in done.stderr


def test_p125_a_worker_that_waits_says_so_once(server: RedisServer, tmp_path: Path) -> None:
    """LIV-2: and it works once the server can be reached."""
    (tmp_path / "app.py").write_text(APP)
    with Proxy(server.port) as proxy:
        proxy.refuse()
        process = subprocess.Popen(
            [*WORKER, "--burst", "--wait", "--queue", proxy.through(server.url())],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        proxy.resume()
        _, log = process.communicate(timeout=WAIT_S)
    assert "the storage is down, will try again" in first
    assert process.returncode == 0
    assert "is down" not in log
    assert "nothing more is due" in log
    assert PASSWORD not in first + log


def test_p125_a_runner_whose_server_goes_away_complains_once(
    server: RedisServer,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LIV-2: one line however often it tries, no password in it, and it goes on afterwards."""
    be_hasty(monkeypatch)

    async def scenario(proxy: Proxy) -> None:
        seen: list[Order] = []
        url = proxy.through(server.url())
        often = timedelta(milliseconds=50)
        async with (
            open_queue(url) as queue,
            running(queue, keeping(seen), poll_interval=often),
        ):
            await queue.schedule(ORDER, Order(1))
            await until(lambda: len(seen) == 1, "the first order")
            await asyncio.to_thread(proxy.refuse)
            await asyncio.to_thread(proxy.cut)
            await until(lambda: "can't claim" in caplog.text, "the complaint")
            with pytest.raises(StorageUnavailable):
                await queue.schedule(ORDER, Order(9))
            await asyncio.to_thread(proxy.resume)
            await queue.schedule(ORDER, Order(2))
            await until(lambda: len(seen) == 2, "the second order")

    with Proxy(server.port) as proxy, caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario(proxy))
    told = [each.getMessage() for each in caplog.records if "can't claim" in each.getMessage()]
    assert len(told) == 1
    assert PASSWORD not in caplog.text
