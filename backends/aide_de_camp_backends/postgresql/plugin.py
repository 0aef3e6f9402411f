"""The PostgreSQL backend, as a plugin: ``postgresql://user:password@host:port/database``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from aide_de_camp.spi import Capability, Scratch, StorageDescriptor, StorageOpener, hookimpl
from aide_de_camp_backends.postgresql import scratch
from aide_de_camp_backends.postgresql.options import SCHEMES, Options

_DRIVERS = ("sqlalchemy", "asyncpg")


def connect(url: str, options: Mapping[str, str]) -> StorageOpener:
    """Give an opener on the database that the URL names.

    Args:
        url: as libpq spells it, several hosts included; options may stand in its query.
        options: see :class:`~aide_de_camp_backends.postgresql.options.Options`; each wins over
            the query's.

    Raises:
        ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
        ModuleNotFoundError: a driver of the extra isn't installed.
    """
    chosen = Options.parse(url, options)
    for driver in _DRIVERS:
        if find_spec(driver) is None:
            raise ModuleNotFoundError(f"No module named {driver!r}", name=driver)
    # The driver is wanted only once a storage is, not by listings of plugins.
    from aide_de_camp_backends.postgresql.storage import PostgresStorage  # noqa: PLC0415

    return lambda: PostgresStorage(chosen)


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer the PostgreSQL backend under both of its names."""
    return [
        StorageDescriptor(
            scheme=scheme,
            spi=(0, 1),
            connect=connect,
            capabilities=frozenset(Capability),
            summary="in a PostgreSQL database, shared by any number of hosts",
            extra="postgresql",
            scratch=Scratch(scratch.url_of, scratch.remove),
        )
        for scheme in SCHEMES
    ]
