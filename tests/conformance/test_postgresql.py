"""The PostgreSQL backend keeps the contract."""

from __future__ import annotations

from aide_de_camp_conformance import Server, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

from ..servers.postgresql import PostgresServer
from .results import RESULTS


class PostgresHarness(UrlHarness):
    """A server of its own, and in it a schema per place."""

    def __init__(self) -> None:
        self._server = PostgresServer(durable=True)
        self._server.start()
        super().__init__(f"{self._server.url()}?schema={{namespace}}")

    def server(self, namespace: str) -> Server:
        return self._server

    def close(self) -> None:
        super().close()
        self._server.close()


class TestPostgres(BackendConformance):
    harness = PostgresHarness
    published = RESULTS / "postgresql.json"
