"""What a backend's plugin offers is what its storage at best declares."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import open_queue
from aide_de_camp.plugins import Registry
from aide_de_camp.spi import Capability

BEST = ["memory", "sqlite", "redis"]


@pytest.mark.parametrize("kind", BEST)
def test_listings_say_what_there_is(kind: str, tmp_path, request: pytest.FixtureRequest) -> None:
    if kind == "redis":
        servers = request.getfixturevalue("servers")
        url = servers.redis(persistence="always").fresh_url()
    else:
        url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"

    async def declared() -> frozenset[Capability]:
        async with open_queue(url) as queue:
            return queue.storage.capabilities

    (offered,) = [each.capabilities for each in Registry().plugins() if each.name == kind]
    assert set(offered) == asyncio.run(declared())
