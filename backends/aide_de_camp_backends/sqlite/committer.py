"""Running calls as one transaction; apart, where together they fail."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from aide_de_camp.spi import AideDeCampError, StorageUnavailable
from aide_de_camp_backends.sqlite.call import Call
from aide_de_camp_backends.sqlite.connection import FIRST_PAUSE, rest
from aide_de_camp_backends.sqlite.failures import breaks_connection, is_busy, primary_code
from aide_de_camp_backends.sqlite.files import open_file, reopen_file
from aide_de_camp_backends.sqlite.options import Options
from aide_de_camp_backends.sqlite.transaction import Memory, Transaction


class CommitFailedError(Exception):
    """A commit failed in a way that leaves open whether it took effect."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(str(error))
        self.error = error


class Committer:
    """The one writing connection. All of it runs in the writer's thread."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._memory = Memory()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version: int | None = None

    @property
    def latest(self) -> int:
        """The highest present seen, in microseconds; to be read in any thread."""
        return self._memory.latest

    def open(self) -> None:
        """Connect for the first time, and migrate.

        Raises:
            As :func:`~aide_de_camp_backends.sqlite.files.open_file`.
        """
        self._version = _data_version(self._connected(open_file(self._options)))

    def close(self) -> None:
        """Let go of the connection."""
        # Another one counts from elsewhere: what came meanwhile is to be noticed all the same.
        self._version = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def foreign_commits(self) -> bool:
        """Say whether any other connection committed since this was last asked."""
        if self._connection is None:
            return False
        try:
            version = _data_version(self._connection)
        except sqlite3.Error:
            return False
        changed = version != self._version
        self._version = version
        return changed

    def run(self, calls: Sequence[Call]) -> set[str]:
        """Run calls as one transaction, or apart where that fails; each gets its answer.

        Returns:
            The queues in which something may have become claimable.
        """
        pause = FIRST_PAUSE
        while True:
            calls = [call for call in calls if not call.given_up]
            if not calls:
                return set()
            try:
                return self._transact(calls)
            except CommitFailedError as failure:
                self._drop_connection()
                for call in calls:
                    call.fail(failure.error, outcome_unknown=True)
                return set()
            # Whatever a verb raises must reach its caller, and no other call's.
            except Exception as error:  # noqa: BLE001  (see above)
                self._undo(error)
                if not is_busy(error):
                    return self._run_apart(calls, error)
                for call in calls:
                    if call.expired:
                        call.fail(error)
                calls = [call for call in calls if call.error is None]
            if calls:
                pause = rest(pause, min(call.deadline for call in calls))

    def _run_apart(self, calls: Sequence[Call], error: Exception) -> set[str]:
        if len(calls) == 1:
            calls[0].fail(error)
            return set()
        return {queue for call in calls for queue in self.run([call])}

    def _transact(self, calls: Sequence[Call]) -> set[str]:
        connection = self._ready()
        writes = any(call.writes for call in calls)
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        transaction = Transaction(connection, self._memory)
        results = [call.verb(transaction) for call in calls]
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # A full disk and a held lock leave nothing of it behind; of the rest, who knows.
            if writes and primary_code(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                raise CommitFailedError(error) from error
            raise
        transaction.committed()
        for call, result in zip(calls, results, strict=True):
            call.result = result
        return transaction.woken

    def _ready(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == self._identity_now():
            return self._connection
        self.close()
        if self._identity_now() is None:
            raise StorageUnavailable(
                f"{self._options.path} is gone: put it back, or open the queue anew",
                outcome_unknown=False,
            )
        return self._connected(reopen_file(self._options))

    def _connected(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        self._connection = connection
        self._identity = self._identity_now()
        return connection

    def _identity_now(self) -> tuple[int, int] | None:
        """Tell the file at the path from another that took its place."""
        try:
            status = os.stat(self._options.path)  # noqa: PTH116  (each transaction pays for it)
        except OSError:
            return None
        return (status.st_dev, status.st_ino)

    def _undo(self, error: Exception) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_connection()
            return
        if breaks_connection(error) and not isinstance(error, AideDeCampError):
            self._drop_connection()

    def _drop_connection(self) -> None:
        try:
            self.close()
        except sqlite3.Error:
            self._connection = None


def _data_version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
