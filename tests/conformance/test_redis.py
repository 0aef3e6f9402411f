"""The Redis backend keeps the contract, on one server and on a cluster."""

from __future__ import annotations

from aide_de_camp_conformance import Server, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

from ..servers.redis_cluster import RedisCluster
from ..servers.redis_server import RedisServer
from .results import RESULTS


class RedisHarness(UrlHarness):
    """A server of its own that answers when what it answers is on the disk."""

    def __init__(self) -> None:
        self._server = RedisServer(persistence="always")
        self._server.start()
        super().__init__(f"{self._server.url()}?prefix={{namespace}}")

    def server(self, namespace: str) -> Server:
        return self._server

    def close(self) -> None:
        super().close()
        self._server.close()


class ClusterHarness(UrlHarness):
    """A cluster of its own."""

    def __init__(self) -> None:
        self._cluster = RedisCluster()
        self._cluster.start()
        super().__init__(f"{self._cluster.url()}?prefix={{namespace}}")

    def close(self) -> None:
        super().close()
        self._cluster.close()


class TestRedis(BackendConformance):
    harness = RedisHarness
    published = RESULTS / "redis.json"


class TestRedisCluster(BackendConformance):
    harness = ClusterHarness
