"""The page on running the kit: its code runs as it stands, on a backend that is there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-the-kit.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
THEIRS, OURS = "mine://localhost/{namespace}", "memory://{namespace}"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        settings = ("-q", "-p", "no:cacheprovider", "--assert=plain")
        command = [sys.executable, "-m", "pytest", *settings, *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return ran


def write(folder: Path, block: str, more: str = "") -> None:
    assert THEIRS in block
    (folder / "test_mine.py").write_text(block.replace(THEIRS, OURS) + more)


def test_each_block_is_looked_at_below():
    first, deviating, publishing = BLOCKS
    assert "deviations" not in first + publishing
    assert "published" not in first + deviating


def test_a_class_of_your_own(run, tmp_path):
    write(tmp_path, BLOCKS[0])
    ran = run("-k", "PRI_2_priority")
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def test_a_deviation_that_is_none_fails(run, tmp_path):
    write(tmp_path, BLOCKS[1])
    ran = run("-k", "PRI_2")
    assert ran.returncode == 1, ran.stdout
    assert "PRI-2.time is listed as a deviation and holds" in ran.stdout
    assert "1 failed, 3 passed" in ran.stdout


def test_publishing(run, tmp_path):
    """At level 1, for the sake of time; the block asks for all."""
    write(tmp_path, BLOCKS[2], "    level = 1\n")
    report = tmp_path / "conformance.json"
    left_out = run("--adc-publish", "-k", "PRI_2")
    assert "conformance.json is left as it was" in left_out.stdout
    assert not report.exists()
    written = run("--adc-publish")
    assert written.returncode == 0, written.stdout
    assert json.loads(report.read_text())["level"] == 1
    checked = run("-k", "PRI_2 or published")
    assert checked.returncode == 0, checked.stdout
    command = "adc conformance show conformance.json --badge badge.json"
    assert command in PAGE.read_text()
    words = [sys.executable, "-m", "aide_de_camp", *command.split()[1:]]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert json.loads((tmp_path / "badge.json").read_text())["message"].startswith("level 1")


def test_every_file_that_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text())
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
