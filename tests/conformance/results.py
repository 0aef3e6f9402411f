"""Where the reports of our own backends are committed; ``nox -s results`` writes them anew."""

from __future__ import annotations

from pathlib import Path

RESULTS = Path(__file__).parents[2] / "conformance" / "results"
