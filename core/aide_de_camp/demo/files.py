"""Finding the files of a folder, within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from aide_de_camp.demo.jobs import File

MOST_FILES: Final = 2_000
FEWEST_FILES: Final = 8
"""With fewer there is too little to see, so some of Aide-De-Camp's own are added."""
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
_MOST_SEEN: Final = 50_000


@frozen
class Found:
    """The files of a folder.

    Attributes:
        files: them, none twice.
        more: True if there are more than were taken.
        own: how many of them are Aide-De-Camp's own, added because there were few.
    """

    files: tuple[File, ...]
    more: bool
    own: int


def find_files(folder: Path) -> Found:
    """Find the regular files of a folder and its subfolders.

    Links aren't followed; hidden folders, virtual environments and caches are left out, and
    names that aren't text.

    Args:
        folder: where to look.

    Returns:
        At most :data:`MOST_FILES`, in the order of their names within each folder.
    """
    files: list[File] = []
    more = False
    for seen, file in enumerate(_walk(folder.resolve())):
        if len(files) == MOST_FILES or seen == _MOST_SEEN:
            more = True
            break
        if file is not None:
            files.append(file)
    own: list[File] = []
    if len(files) < FEWEST_FILES:
        taken = set(files)
        package = Path(__file__).resolve().parents[1]
        own = [each for each in _walk(package) if each is not None and each not in taken]
        own = own[: 3 * FEWEST_FILES]
    return Found((*files, *own), more, len(own))


def _walk(folder: Path) -> Iterator[File | None]:
    """Give the files below a folder, None for what is no job for us."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_wanted(place, name))
        for name in sorted(names):
            yield _file(f"{place}{os.sep}{name}")


def _is_wanted(place: str, name: str) -> bool:
    if name.startswith(".") or name in _SKIPPED:
        return False
    return not Path(place, name, "pyvenv.cfg").exists()


def _file(path: str) -> File | None:
    try:
        path.encode()
        found = Path(path).lstat()
    except (OSError, UnicodeEncodeError):
        return None
    return File(path, found.st_size) if stat.S_ISREG(found.st_mode) else None
