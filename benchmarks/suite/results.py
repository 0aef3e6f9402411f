"""Results in a file of JSON lines, which a rerun reads and goes on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import asdict, field, frozen

OK: Final = "ok"
UNSUPPORTED: Final = "unsupported"
FAILED: Final = "failed"


@frozen
class Cell:
    """What one measurement is of, and with what.

    Attributes:
        contestant: its key, such as ``redis/rq``.
        workload: its name.
        round: from 1.
        jobs: how many.
        commit: of this project.
        environment: a digest of machine, servers and pinned versions.
    """

    contestant: str
    workload: str
    round: int
    jobs: int
    commit: str
    environment: str

    @property
    def key(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@frozen
class Result:
    """What one measurement found.

    Attributes:
        cell: what was measured.
        status: ``ok``, ``unsupported`` or ``failed``.
        measures: the figures, if it is ok.
        reason: why there are none, else.
        noted: versions, the load of others, the time.
    """

    cell: Cell
    status: str
    measures: Mapping[str, float] = field(factory=dict)
    reason: str = ""
    noted: Mapping[str, Any] = field(factory=dict)


class Results:
    """The file. Each result is one line, written as soon as it is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, Result] = {}
        self._torn = False
        if path.exists():
            text = path.read_text()
            self._torn = bool(text) and not text.endswith("\n")
            for line in text.splitlines():
                result = _read(line)
                if result is not None:
                    self._found[result.cell.key] = result

    def done(self, cell: Cell) -> bool:
        """Say whether a measurement needn't be made again: it was, or it can't be."""
        result = self._found.get(cell.key)
        return result is not None and result.status != FAILED

    def add(self, result: Result) -> None:
        """Keep a result; the latest of a cell counts."""
        self._found[result.cell.key] = result
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            start = "\n" if self._torn else ""
            file.write(f"{start}{json.dumps(asdict(result))}\n")
        self._torn = False

    def all(self) -> list[Result]:
        """Give the latest result of each cell, in the order of their first writing."""
        return list(self._found.values())


def _read(line: str) -> Result | None:
    """Read a line; None if it was cut off by the end of a run."""
    try:
        found = json.loads(line)
        return Result(Cell(**found.pop("cell")), **found)
    except (ValueError, TypeError, KeyError):
        return None
