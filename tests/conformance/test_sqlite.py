"""The SQLite backend keeps the contract."""

from __future__ import annotations

from aide_de_camp_conformance import NotAsked, Server, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

from .results import RESULTS


class SqliteHarness(UrlHarness):
    template = "sqlite:///{folder}/{namespace}.db"

    def server(self, namespace: str) -> Server:
        raise NotAsked("the storage is a file: it has no server")


class TestSqlite(BackendConformance):
    harness = SqliteHarness
    published = RESULTS / "sqlite.json"
