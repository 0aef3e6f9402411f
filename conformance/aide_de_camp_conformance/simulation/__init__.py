"""Deterministic simulation of the runner: one seed makes one run, the same each time."""

from __future__ import annotations

from aide_de_camp_conformance.simulation.running import Run, simulate
from aide_de_camp_conformance.simulation.telling import tell
from aide_de_camp_conformance.simulation.verdict import Broken

__all__ = ["Broken", "Run", "simulate", "tell"]
