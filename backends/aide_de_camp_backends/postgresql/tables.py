"""The tables as SQLAlchemy sees them, for an application's own migrations.

An application that migrates its database with Alembic adds them to its ``MetaData`` with
:func:`define`, and opens its queues with ``migrate=false``.
"""

from __future__ import annotations

from sqlalchemy import Index, MetaData, text

from aide_de_camp_backends._sql import tables
from aide_de_camp_backends._sql.codes import RUNNING
from aide_de_camp_backends._sql.tables import Tables


def define(metadata: MetaData, *, schema: str | None = None, prefix: str = "adc_") -> Tables:
    """Add the tables to a collection.

    What a migration makes of it lacks the rows of the table ``meta``: insert ``schema_version``
    and ``now_floor`` as :data:`~aide_de_camp_backends.postgresql.migrations.ROWS` gives them.

    Args:
        metadata: the collection.
        schema: as the URL's option; None for the first of the search path.
        prefix: as the URL's option.
    """
    found = tables.define(metadata, schema=schema, prefix=prefix)
    job = found.job
    Index(
        f"{prefix}job_lease",
        job.c.queue,
        job.c.lease_until,
        job.c.id,
        postgresql_where=text(f"state = {RUNNING}"),
    )
    return found
