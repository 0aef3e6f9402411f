"""Places for a tester in the database that a URL names: tables of another prefix."""

from __future__ import annotations

from typing import Final

from aide_de_camp_backends._sql.urls import with_option
from aide_de_camp_backends.postgresql.options import Options
from aide_de_camp_backends.postgresql.statement import Layout

_GOODBYE: Final = 2.0
"""Seconds that closing waits for the server to say goodbye."""
_PATIENCE: Final = "SET lock_timeout = '5s'"
"""A requirement that failed may have left a transaction open."""


def url_of(url: str, name: str) -> str:
    """Give the URL of tables in the same schema that begin with the name.

    Raises:
        ConfigurationError: the URL or an option can't be used.
    """
    Options.parse(url, {})
    return with_option(with_option(url, "prefix", f"{name}_"), "migrate", "true")


async def remove(url: str) -> None:
    """Drop such tables.

    Raises:
        StorageUnavailable: the server can't be reached, or somebody still uses them.
        StorageError: they can't be dropped.
    """
    # The driver is wanted only once a storage is, not by listings of plugins.
    from aide_de_camp_backends.postgresql.connection import connect  # noqa: PLC0415 (as above)
    from aide_de_camp_backends.postgresql.failures import connecting, translate  # noqa: PLC0415 (as above)
    from aide_de_camp_backends.postgresql.server import look_at, schema_of  # noqa: PLC0415 (as above)

    options = Options.parse(url, {})
    try:
        connection = await connect(options)
    except Exception as error:
        raise connecting(error) from error
    try:
        layout = Layout(schema_of(options, await look_at(connection)), options.prefix)
        await connection.execute(_PATIENCE)
        for table in ("job", "meta"):
            await connection.execute(f"DROP TABLE IF EXISTS {layout.table(table)}")
    except Exception as error:
        raise translate(error, job_ids=(), writes=True) from error
    finally:
        await connection.close(timeout=_GOODBYE)
