"""Temporary folders that go when the process of the tests goes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .guard import guard

LONGEST = 60
"""Characters of a folder's path: a socket's path in it may have 107 in all."""


def make_folder(kind: str) -> Path:
    """Make a folder of our own."""
    usual = tempfile.gettempdir()
    parent = usual if len(usual) < LONGEST else "/tmp"  # noqa: S108 - mkdtemp makes it ours alone
    folder = Path(tempfile.mkdtemp(prefix=f"adc-{kind}-", dir=parent))
    guard().keep(folder)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove it now; what can't be is left to the guard."""
    shutil.rmtree(folder, ignore_errors=True)
