"""Programs of Debian packages: those installed here, else those that run.py unpacked for CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from attrs import frozen

UNPACKED: Final = Path(__file__).parents[2] / ".venv-run" / "debian"
"""Where ``python3 run.py test`` unpacks them, in CI alone; nothing of it is installed."""
_SYSTEM: Final = Path("/")
_FOLDERS: Final = ("usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin")


@frozen
class Program:
    """A program, and the root of the tree in which it stands.

    Attributes:
        path: the program itself.
        root: ``/`` for one that is installed, else the folder that stands for ``/``.
    """

    path: Path
    root: Path

    @property
    def command(self) -> list[str]:
        """The first words of its command: they lead it to the libraries unpacked beside it."""
        if self.root == _SYSTEM:
            return [str(self.path)]
        libraries = sorted(
            str(path)
            for place in ("lib", "usr/lib")
            for path in self.root.glob(f"{place}/*-linux-gnu*")
        )
        return ["/usr/bin/env", f"LD_LIBRARY_PATH={os.pathsep.join(libraries)}", str(self.path)]


def program(name: str) -> Program | None:
    """Find a program by its name; None where there is none.

    Args:
        name: such as ``mariadbd`` or ``pgbouncer``.
    """
    found = shutil.which(name) or shutil.which(name, path=_path_under(_SYSTEM))
    if found is not None:
        return Program(Path(found), _SYSTEM)
    found = shutil.which(name, path=_path_under(UNPACKED))
    return None if found is None else Program(Path(found), UNPACKED)


def _path_under(root: Path) -> str:
    return os.pathsep.join(str(root / folder) for folder in _FOLDERS)
