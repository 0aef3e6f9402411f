"""How the core finds this backend: the entry points of the distribution name this module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adc_mariadb.options import SCHEMES, Options
from aide_de_camp.spi import Capability, StorageDescriptor, StorageOpener, hookimpl


def connect(url: str, options: Mapping[str, str]) -> StorageOpener:
    """Give an opener on the database that the URL names; nothing is connected to.

    Args:
        url: such as ``mariadb://user:password@host:3306/database?prefix=jobs_``.
        options: see :class:`~adc_mariadb.options.Options`; each wins over the URL's query.

    Raises:
        ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
    """
    chosen = Options.parse(url, options)
    # SQLAlchemy is wanted only once a storage is, not by listings of plugins.
    from adc_mariadb.storage import MariadbStorage  # noqa: PLC0415 (as above)

    return lambda: MariadbStorage(chosen)


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer the backend under both of its names."""
    return [
        StorageDescriptor(
            scheme=scheme,
            spi=(0, 1),
            connect=connect,
            capabilities=frozenset(
                {Capability.SHARED, Capability.SURVIVES_KILL, Capability.SURVIVES_POWER_LOSS}
            ),
            summary="in a MariaDB or MySQL database, shared by any number of hosts",
        )
        for scheme in SCHEMES
    ]
