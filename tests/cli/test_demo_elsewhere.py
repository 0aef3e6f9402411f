"""``adc demo`` on servers: the same story, and commands that work when pasted."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from aide_de_camp.plugins import redact_url

from .conftest import WAIT_S, Adc, command


@pytest.fixture(params=["postgresql", "redis"])
def server_url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six files of different sizes."""
    made = tmp_path / "folder"
    made.mkdir()
    for number in range(6):
        (made / f"file{number}.txt").write_text("line\n" * 2**number)
    return made


def test_the_demo_on_a_server(adc: Adc, folder: Path, server_url: str) -> None:
    result = adc("demo", folder, "--queue", server_url)

    assert result.exit_code == 0, result.output
    told = result.stdout
    states = dict(re.findall(r"^  (completed|cancelled|dead) +(\d+) ", told, re.MULTILINE))
    assert states.keys() == {"completed", "cancelled", "dead"}
    assert (states["cancelled"], states["dead"]) == ("3", "1")
    assert "In order: none ran before one of a higher priority." in told
    assert f" in {redact_url(server_url)}\n" in told

    hidden = redact_url(server_url) != server_url
    assert ("environment variable ADC_QUEUE:" in told) is hidden
    lines = [line.strip() for line in told.splitlines() if line.startswith("  adc ")]
    assert len(lines) == 3
    outputs: list[str] = []
    for line in lines:
        # In a shell: where the URL has a user in it, the lines name it by its variable.
        done = subprocess.run(
            ["sh", "-c", f'adc() {{ {shlex.join(command())} "$@"; }}; {line}'],
            check=True,
            text=True,
            capture_output=True,
            cwd="/",
            env={**os.environ, "ADC_QUEUE": server_url},
            timeout=WAIT_S,
        )
        outputs.append(done.stdout)
    listed, counted, shown = outputs
    assert "completed" in listed
    total = counted.splitlines()[-1].split()
    assert total == ["all", "0", "0", states["completed"], "3", "1"]
    assert "DecodeError" in shown
