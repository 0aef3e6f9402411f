"""The example that the README shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .conftest import Adc, loaded

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.py"


def test_it_runs_as_it_stands(adc: Adc, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "taken back: Invoice(customer=9, email='c@example.com')",
        "attempt 1: customer 8, priority 10",
        "attempt 1: customer 7, priority 0",
    ]
    states = loaded(adc("jobs", "counts", "--json"))["by_state"]
    assert (states["completed"], states["cancelled"], states["scheduled"]) == (2, 1, 1)
