"""The servers that all tests of a run share, each started when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from .postgresql import PostgresServer
from .postgresql_binaries import programs_of
from .redis_cluster import RedisCluster
from .redis_sentinel import RedisSentinels
from .redis_server import Persistence, RedisServer


class Server(Protocol):
    """What all of them have."""

    @property
    def running(self) -> bool: ...

    def start(self) -> None: ...

    def restart(self) -> None: ...

    def close(self) -> None: ...


S = TypeVar("S", bound=Server)


class Servers:
    """Servers by how they were asked for. Don't stop one: have your own for that."""

    def __init__(self) -> None:
        self._servers: dict[object, Server] = {}

    def postgresql(
        self, *, version: int | None = None, durable: bool = False, password: str | None = None
    ) -> PostgresServer:
        """Give the shared PostgreSQL server of this kind; see ``PostgresServer``."""
        version, _ = programs_of(version)
        return self._get(
            (PostgresServer, version, durable, password),
            lambda: PostgresServer(version=version, durable=durable, password=password),
        )

    def redis(
        self, *, persistence: Persistence = "none", password: str | None = None
    ) -> RedisServer:
        """Give the shared Redis server of this kind; see ``RedisServer``."""
        return self._get(
            (RedisServer, persistence, password),
            lambda: RedisServer(persistence=persistence, password=password),
        )

    def redis_cluster(self) -> RedisCluster:
        """Give the shared Redis cluster, with what others left in it."""
        return self._get(RedisCluster, RedisCluster)

    def redis_sentinels(self) -> RedisSentinels:
        """Give the shared Redis servers with their sentinels."""
        return self._get(RedisSentinels, RedisSentinels)

    def close(self) -> None:
        """End all of them."""
        while self._servers:
            _, server = self._servers.popitem()
            server.close()

    def _get(self, key: object, make: Callable[[], S]) -> S:
        server = self._servers.get(key)
        if server is None:
            server = self._servers[key] = make()
            server.start()
        elif not server.running:
            server.restart()
        return server  # type: ignore[return-value]  # the key says which class it is of
