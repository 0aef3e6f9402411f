"""Storing jobs within a transaction of the user's own on the same file (clause TXN-1).

Runners are woken as by any other connection's commit: the writer's thread sees it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, text

from aide_de_camp.spi import EnqueueResult, InvalidArgument, NewJob
from aide_de_camp_backends._sql.joining import Joining, enqueue
from aide_de_camp_backends._sql.results import results_of
from aide_de_camp_backends._sql.statements import FLOOR
from aide_de_camp_backends._sql.tables import JOB
from aide_de_camp_backends.sqlite.options import Options

_FILES: Final = "PRAGMA database_list"
_LOCK: Final = "UPDATE adc_meta SET value = value WHERE false"
"""Takes the write lock. A transaction that reads first and then writes can't wait for others."""


@frozen
class Present:
    """The present, as a user's connection sees it.

    Attributes:
        options: which file is ours.
        latest: the highest present that the storage has seen.
        given: a test's clock; None reads this host's.
    """

    options: Options
    latest: int
    given: int | None

    def of(self, connection: Connection) -> int:
        """Give it, once it is sure that the connection is on our file.

        Raises:
            InvalidArgument: it is on another one.
        """
        files = {row[1]: row[2] for row in connection.execute(text(_FILES))}
        name = files.get("main")
        if not name or not self._is_ours(Path(name)):
            raise InvalidArgument(
                "transaction", f"it is on another file than this queue, {self.options.path}"
            )
        connection.execute(text(_LOCK))
        floor = connection.execute(text(FLOOR)).scalar_one()
        clock = time.time_ns() // 1_000 if self.given is None else self.given
        return max(clock, int(floor), self.latest)

    def _is_ours(self, path: Path) -> bool:
        try:
            return path.samefile(self.options.path)
        except OSError:
            return False


async def enqueue_in(
    present: Present, transaction: object, queue: str, jobs: Sequence[NewJob]
) -> list[EnqueueResult]:
    """Store jobs. See :meth:`Storage.enqueue_in`."""
    joining = Joining("sqlite", JOB, present.of, lambda _: None)
    return results_of(jobs, await enqueue(joining, transaction, queue, jobs))
