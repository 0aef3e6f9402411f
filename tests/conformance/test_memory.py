"""The memory backend keeps the contract."""

from __future__ import annotations

from aide_de_camp_conformance import NotAsked, Server, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

from .results import RESULTS


class MemoryHarness(UrlHarness):
    template = "memory://{namespace}"

    def server(self, namespace: str) -> Server:
        raise NotAsked("the storage is memory of this process: it has no server")


class TestMemory(BackendConformance):
    harness = MemoryHarness
    published = RESULTS / "memory.json"
