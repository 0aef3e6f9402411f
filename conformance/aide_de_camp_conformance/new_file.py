"""An option that names a file to be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click


class _NewFile(click.Path):
    """A file to be written: found out before the kit is run, not after."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False, writable=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read it."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"the folder {path.parent} doesn't exist: create it", param, ctx)
        return path


NEW_FILE: Final = _NewFile()
