"""A payload of the wrong type is refused by the type checker, wherever a job is named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).with_name("sample.py")


def test_exactly_the_wrong_lines_are_refused():
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", SAMPLE],
        capture_output=True,
        text=True,
        check=False,
    )
    refused = {int(line) for line in re.findall(r"sample\.py:(\d+): error", checked.stdout)}
    lines = SAMPLE.read_text().splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert len(wrong) == 5
    assert refused == wrong, checked.stdout
