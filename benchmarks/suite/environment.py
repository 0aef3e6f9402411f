"""On what was measured."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

import psutil
from benchmarks.suite import venvs

ROOT: Final = Path(__file__).parents[2]
_MEASURED: Final = ("core", "backends", "codecs", "benchmarks")


def machine(servers: dict[str, str]) -> dict[str, Any]:
    """Describe what the figures depend on, besides the code."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "servers": servers,
        "requirements": venvs.digest(),
    }


def digest(described: dict[str, Any]) -> str:
    """Give a short name of it."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:12]


def commit() -> str:
    """Name the code: the commit, and a digest of what differs from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    changes = _git("diff", "HEAD", "--", *_MEASURED)
    if not changes:
        return head
    return f"{head}+{hashlib.sha256(changes.encode()).hexdigest()[:8]}"


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words],  # noqa: S607 (whichever git the user has)
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
