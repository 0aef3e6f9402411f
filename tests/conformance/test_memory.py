"""The memory backend keeps the contract."""

from __future__ import annotations

from aide_de_camp_conformance import UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

from .results import RESULTS


class MemoryHarness(UrlHarness):
    template = "memory://{namespace}"


class TestMemory(BackendConformance):
    harness = MemoryHarness
    published = RESULTS / "memory.json"
