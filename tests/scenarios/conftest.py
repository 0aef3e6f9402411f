"""What every scenario starts from: an empty storage's address, and a way to run a coroutine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from ..servers import Servers

T = TypeVar("T")


class Run(Protocol):
    """What the fixture ``run`` is."""

    def __call__(self, main: Coroutine[Any, Any, T]) -> T: ...


WAIT_S = 240.0  # a scenario that hangs is a failed one


BACKENDS = os.environ.get("ADC_SCENARIO_BACKENDS", "memory sqlite postgresql redis").split()
"""All of them, unless the caller wants fewer: `python3 run.py test` does on further Pythons."""


@pytest.fixture(params=BACKENDS)
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return "memory://"
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql_url")
        return url
    if request.param == "redis":
        servers: Servers = request.getfixturevalue("servers")
        return servers.redis(persistence="always").fresh_url()
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def run() -> Run:
    """Runs one coroutine in a loop of its own; one that hangs fails."""

    async def bounded(main: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(WAIT_S):
            return await main

    def run_bounded(main: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(bounded(main))

    return run_bounded
