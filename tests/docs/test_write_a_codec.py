"""The page on codecs: its code is installed as it stands, and the kit judges it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-codec.md"


def test_what_the_page_shows_passes_the_kit(tmp_path):
    text = PAGE.read_text()
    blocks = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in blocks] == ["adc_lines.py", "test_lines.py"]
    for name, code in blocks:
        (tmp_path / name).write_text(code)
    (project,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(project)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    ran = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    # Python imports from a wheel, and reads its entry points, as it is.
    path = os.pathsep.join([str(wheel), *filter(None, sys.path)])
    (tmp_path / "adc_lines.py").unlink()
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_lines.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\b10 passed, 22 skipped\b", ran.stdout), ran.stdout


def test_every_file_that_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text())
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
