"""Environments of the peers, made on demand and kept: ``.bench/venvs``."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

PEERS: Final = Path(__file__).parents[1] / "peers"
_MARK: Final = "made-of.json"
_PATIENCE_S: Final = 900


class NotInstalled(Exception):
    """An environment can't be made; the message says why."""


def requirements() -> dict[str, dict[str, Any]]:
    """Read what each environment holds."""
    return tomllib.loads((PEERS / "requirements.toml").read_text())


def interpreter(oldest: str) -> str:
    """Find a Python that is new enough: this one, one on PATH, or pyenv's.

    Raises:
        NotInstalled: there is none.
    """
    major, minor = map(int, oldest.split("."))
    if sys.version_info >= (major, minor):
        return getattr(sys, "_base_executable", sys.executable)
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    for later in range(minor, minor + 3):
        name = f"python{major}.{later}"
        folders = glob.glob(f"{root}/versions/{major}.{later}.*/bin/python")  # noqa: PTH207 (passes over a folder that may not be read)
        for found in (shutil.which(name), *sorted(folders)):
            if found is not None and _runs(found):
                return found
    raise NotInstalled(f"it needs Python {oldest}, and none was found")


def _runs(python: str) -> bool:
    done = subprocess.run([python, "-c", "import venv"], capture_output=True, check=False)
    return done.returncode == 0


def environment(name: str, folder: Path) -> Path:
    """Give the Python of an environment; it is made first if it isn't there as it should be.

    Args:
        name: its table in the requirements.
        folder: where environments are kept.

    Raises:
        NotInstalled: it can't be made.
    """
    wanted = requirements()[name]
    place = folder / name
    python = place / "bin" / "python"
    mark = place / _MARK
    if python.exists() and mark.exists() and json.loads(mark.read_text()) == wanted:
        return python
    base = interpreter(wanted.get("python", "3.11"))
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    _run([base, "-m", "venv", str(place)])
    _run([str(python), "-m", "pip", "install", "--quiet", *wanted["packages"]])
    mark.write_text(json.dumps(wanted))
    return python


def digest() -> str:
    """Give a short name of all versions that are pinned."""
    return hashlib.sha256((PEERS / "requirements.toml").read_bytes()).hexdigest()[:12]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"it wasn't installed within {_PATIENCE_S} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled("; ".join(lines)[:300] or f"{command[1:4]} failed")
