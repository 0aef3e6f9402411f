"""Storing jobs within a transaction of the user's own (clause TXN-1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, cast

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import MetaData, select, text

from aide_de_camp.spi import EnqueueResult, InvalidArgument, NewJob
from aide_de_camp_backends._sql.commits import Commits
from aide_de_camp_backends._sql.joining import Joining, Target, enqueue
from aide_de_camp_backends._sql.results import results_of
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.changing import ENQUEUE, enqueue_values
from aide_de_camp_backends.postgresql.connection import Connection, is_driver_s
from aide_de_camp_backends.postgresql.database import Database
from aide_de_camp_backends.postgresql.failures import translate
from aide_de_camp_backends.postgresql.tables import define

_OURS: Final = """
SELECT current_database() AS name, to_regclass(CAST(:job AS text)) IS NOT NULL
  AND to_regclass(CAST(:meta AS text)) IS NOT NULL AS there,
  CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now
"""
_META: Final = "SELECT name, value FROM adc_meta"


class Transactional:
    """Joins users' transactions, for one storage."""

    def __init__(self, database: Database, told: Callable[[set[str]], None]) -> None:
        layout = database.layout
        self._database = database
        self._commits = Commits(told)
        tables = define(MetaData(), schema=layout.schema, prefix=layout.prefix)
        self._job = tables.job
        self._names = {name: layout.table(name) for name in ("job", "meta")}
        self._meta = select(tables.meta.c.name, tables.meta.c.value)

    async def enqueue(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], given: int | None
    ) -> Sequence[EnqueueResult]:
        """Store jobs. See :meth:`Storage.enqueue_in`."""
        if is_driver_s(transaction):
            return await self._on_driver(cast("Connection", transaction), queue, jobs, given)
        joined: Callable[[Target], None] = partial(self._commits.joined, queue=queue)
        present = partial(self._present, given=given)
        joining = Joining("postgresql", self._job, present, joined)
        return results_of(jobs, await enqueue(joining, transaction, queue, jobs))

    async def _on_driver(
        self, connection: Connection, queue: str, jobs: Sequence[NewJob], given: int | None
    ) -> Sequence[EnqueueResult]:
        database = self._database
        if not connection.is_in_transaction():
            raise InvalidArgument(
                "transaction", "the connection is in no transaction: begin one on it"
            )
        call = Call(connection, database.layout, database.present)
        ordered = sorted(jobs, key=lambda job: job.id)
        values = enqueue_values(queue, ordered) | {"given": given, "latest": call.latest}
        try:
            (row,) = await call.rows(_OURS, self._names)
            self._there(row["name"], there=row["there"])
            meta = {each["name"]: each["value"] for each in await call.rows(_META, {})}
            self._same(row["name"], meta)
            rows = await call.rows(ENQUEUE, values)
        except Exception as error:  # noqa: BLE001 (each becomes one of ours)
            failure = translate(error, job_ids=[job.id for job in jobs], writes=False)
        else:
            return results_of(jobs, {row["id"] for row in rows if row["id"] is not None})
        raise failure

    def _present(self, connection: SqlConnection, *, given: int | None) -> int:
        row = connection.execute(text(_OURS), self._names).one()
        self._there(row.name, there=row.there)
        meta = {name: int(value) for name, value in connection.execute(self._meta)}
        self._same(row.name, meta)
        clock = int(row.now) if given is None else given
        return max(clock, meta["now_floor"], self._database.present.latest)

    def _there(self, name: str, *, there: bool) -> None:
        ours = self._database.server.database
        if name != ours or not there:
            raise InvalidArgument(
                "transaction",
                f"it is on the database {name!r}, and this queue's tables are in {ours!r}: use a "
                "connection to that",
            )

    def _same(self, name: str, meta: Mapping[str, int]) -> None:
        if meta.get("storage_id") != self._database.storage_id:
            raise InvalidArgument(
                "transaction",
                f"it is on another database {name!r} than the one that this queue's tables are in: "
                "use a connection to the same server",
            )
