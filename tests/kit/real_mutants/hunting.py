"""Running the kit against a broken backend, in a process that does nothing else."""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from aide_de_camp.spi import StorageOpener
from aide_de_camp_conformance import REQUIREMENTS, Server, UrlHarness
from aide_de_camp_conformance.mutants.hunting import asked, hurried
from aide_de_camp_conformance.transactions import OwnTransaction, sqlalchemy_transaction

from ...servers import PostgresServer, RedisServer
from . import MUTANTS
from .plugin import PREFIX, SCHEMES, break_it, broken_url, mend

ROOT = Path(__file__).parents[3]
TIMES = 3
"""How often a fault must be found."""
TOUCHED = {"PRI-7", "CAN-8", "LEA-1", "LEA-2", "LEA-3", "RET-4.race", "LIV-4"}
"""Clauses and requirements that a fault of this kind can touch; by others, which cost more time,
the faults in memory are found."""


PLACES = {"postgresql": "schema", "redis": "prefix"}
"""By a backend's name, the option that tells one place of a server from another."""


class BrokenHarness(UrlHarness):
    """A harness as a stranger has it, but that it breaks the backend.

    Args:
        url: of a place for the backend as it is; what needs a server of its own is given that.
        name: the mutant's.
    """

    def __init__(self, url: str, name: str) -> None:
        self._broken = name
        self._server: PostgresServer | RedisServer | None = None
        mutant = MUTANTS[name]
        if mutant.server is not None:
            self._server = mutant.server()
            self._server.start()
            url = f"{self._server.url()}?{PLACES[mutant.scheme]}={{namespace}}"
        super().__init__(broken_url(url, name))

    def server(self, namespace: str) -> Server:
        return super().server(namespace) if self._server is None else self._server

    def opener(self, namespace: str) -> StorageOpener:
        break_it(self._broken)
        return super().opener(namespace)

    def transaction(self, namespace: str) -> AbstractAsyncContextManager[OwnTransaction]:
        return sqlalchemy_transaction(self._url(namespace).removeprefix(PREFIX))

    def close(self) -> None:
        super().close()
        mend()
        if self._server is not None:
            self._server.close()


def announce(folder: Path) -> None:
    """Install the broken backends' plugin into a folder, as far as entry points go."""
    info = folder / "broken_backends-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-backends\nVersion: 0\n")
    points = [f"{PREFIX}{scheme} = {__package__}.plugin" for scheme in SCHEMES]
    (info / "entry_points.txt").write_text("\n".join(["[aide_de_camp.backends]", *points, ""]))


def prepare(paths: list[str]) -> None:
    """Let this process, and those that it starts, find what was announced."""
    sys.path[:0] = paths
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [*paths, *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    # What a broken backend says of its trade is nothing to anybody.
    logger = logging.getLogger("aide_de_camp")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


def hunt(name: str, url: str) -> list[dict[str, str]]:
    """Run what a mutant may touch, and then, again and again, what must turn red.

    Args:
        name: the mutant's.
        url: of a place for the backend as it is, with ``{namespace}`` in it.

    Returns:
        What those said that turned red, by their ids, of each time.
    """
    must = MUTANTS[name].must
    touched = [
        each.id
        for each in REQUIREMENTS.values()
        if each.id in must or (not each.heavy and {each.id, each.clause} & TOUCHED)
    ]
    return [reds(name, url, must if turn else touched, turn) for turn in range(TIMES)]


def reds(name: str, url: str, ids: Iterable[str], seed: int) -> dict[str, str]:
    """Run requirements against a mutant.

    Args:
        name: the mutant's.
        url: of a place for the backend as it is, with ``{namespace}`` in it.
        ids: the requirements.
        seed: of what is left to chance.

    Returns:
        What those said that turned red, by their ids.
    """
    random.seed(seed)
    mutant = MUTANTS[name]
    harness = BrokenHarness(url, mutant.name)
    found: dict[str, str] = {}
    try:
        with hurried():
            for each in sorted(ids):
                requirement = REQUIREMENTS[each]
                patience = 8.0 if requirement.heavy else 2.0
                expected = each in mutant.must
                said = asked(requirement, harness, patience=patience, expected=expected)
                if said is not None:
                    found[each] = said
    finally:
        harness.close()
    return found
