"""The SQLite backend, as a plugin: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from aide_de_camp.spi import Capability, Scratch, StorageDescriptor, StorageOpener, hookimpl
from aide_de_camp_backends.sqlite import scratch
from aide_de_camp_backends.sqlite.options import Options

_DRIVERS = ("sqlalchemy", "aiosqlite")


def connect(url: str, options: Mapping[str, str]) -> StorageOpener:
    """Give an opener on the file that the URL names.

    Args:
        url: as SQLAlchemy spells it; options may stand in its query.
        options: ``synchronous`` (full or normal), ``busy_timeout`` (seconds), ``migrate`` (true
            or false); each wins over the query's.

    Raises:
        ConfigurationError: the URL names no file, or an option is unknown or has a bad value.
        ModuleNotFoundError: a driver of the extra isn't installed.
    """
    chosen = Options.parse(url, options)
    for driver in _DRIVERS:
        # Only looked for: SQLAlchemy takes a while to import, and only listings need it.
        if find_spec(driver) is None:
            raise ModuleNotFoundError(f"No module named {driver!r}", name=driver)
    from aide_de_camp_backends.sqlite.storage import SqliteStorage  # noqa: PLC0415  (see above)

    return lambda: SqliteStorage(chosen)


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer the SQLite backend."""
    return [
        StorageDescriptor(
            scheme="sqlite",
            spi=(0, 1),
            connect=connect,
            capabilities=frozenset(Capability),
            summary="in one file, shared by the processes of one host",
            extra="sqlite",
            scratch=Scratch(scratch.url_of, scratch.remove),
        )
    ]
