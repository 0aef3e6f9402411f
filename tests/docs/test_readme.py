"""What the README shows is what runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_example_is_the_one_in_examples_and_does_what_it_says(tmp_path):
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    kept = (ROOT / "examples" / "quickstart.py").read_text()
    assert kept.split('"""\n\n', 1)[1] == shown
    script = tmp_path / "example.py"
    script.write_text(shown)
    ran = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "taken back: Invoice(customer=9, email='c@example.com')",
        "attempt 1: customer 8, priority 10",
        "attempt 1: customer 7, priority 0",
    ]


def test_every_file_that_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_ci_runs_the_second_command():
    assert "python3 run.py test" in README
    assert "python3 run.py test" in (ROOT / ".ci" / "run").read_text()
