"""The conformance kit: what every storage backend must do, as code that finds out.

Four lines adopt it (they need pytest, which the extra ``conformance`` brings)::

    from aide_de_camp_conformance.backend import BackendConformance

    class TestMine(BackendConformance):
        harness = MyHarness

What stands here is imported when it is first asked for: the kit's plugin for pytest is in
everybody's pytest, and must cost nothing there.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aide_de_camp_conformance.asking import Need, NotAsked
    from aide_de_camp_conformance.conducting import run
    from aide_de_camp_conformance.harness import Harness
    from aide_de_camp_conformance.report import Report
    from aide_de_camp_conformance.requirement import Requirement
    from aide_de_camp_conformance.running import Outcome, Result, run_requirement
    from aide_de_camp_conformance.server import Server
    from aide_de_camp_conformance.suite import REQUIREMENTS
    from aide_de_camp_conformance.transactions import OwnTransaction
    from aide_de_camp_conformance.url_harness import UrlHarness
    from aide_de_camp_conformance.version import KIT_VERSION

__all__ = [
    "KIT_VERSION",
    "REQUIREMENTS",
    "Harness",
    "Need",
    "NotAsked",
    "Outcome",
    "OwnTransaction",
    "Report",
    "Requirement",
    "Result",
    "Server",
    "UrlHarness",
    "run",
    "run_requirement",
]

_MODULES: Final = {
    "KIT_VERSION": "version",
    "REQUIREMENTS": "suite",
    "Harness": "harness",
    "Need": "asking",
    "NotAsked": "asking",
    "Outcome": "running",
    "OwnTransaction": "transactions",
    "Report": "report",
    "Requirement": "requirement",
    "Result": "running",
    "Server": "server",
    "UrlHarness": "url_harness",
    "run": "conducting",
    "run_requirement": "running",
}
"""Where each name is at home."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
