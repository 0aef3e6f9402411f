"""The fixtures that every test can ask for; nothing is started for a test that asks for none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .postgresql import PostgresServer
from .proxy import Proxy
from .redis_cluster import RedisCluster
from .redis_server import RedisServer
from .shared import Servers

ProxyTo = Callable[[int], Proxy]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The shared servers, of any version and kind: ``servers.postgresql(version=15)``."""
    shared = Servers()
    yield shared
    shared.close()


@pytest.fixture
def postgresql_server(servers: Servers) -> PostgresServer:
    """The shared PostgreSQL server of the newest version, with the disk not waited for."""
    return servers.postgresql()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database of this test's own."""
    url = postgresql_server.create_database()
    yield url
    postgresql_server.drop_database(url)


@pytest.fixture
def redis_server(servers: Servers) -> RedisServer:
    """The shared Redis server, which keeps nothing."""
    return servers.redis()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> Iterator[str]:
    """The address of an empty database of this test's own."""
    url = redis_server.fresh_url()
    yield url
    redis_server.drop(url)


@pytest.fixture
def redis_cluster(servers: Servers) -> Iterator[RedisCluster]:
    """The shared cluster, empty."""
    cluster = servers.redis_cluster()
    cluster.flush()
    yield cluster
    if cluster.running:
        cluster.flush()


@pytest.fixture
def proxy_to() -> Iterator[ProxyTo]:
    """Makes a proxy before a port; closed after the test."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(Proxy(port))
