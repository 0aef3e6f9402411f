"""The Redis backend, as a plugin: one server, a cluster, or a server that sentinels name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from aide_de_camp.spi import Capability, Scratch, StorageDescriptor, StorageOpener, hookimpl
from aide_de_camp_backends.redis import scratch
from aide_de_camp_backends.redis.options import Kind, Options

_SUMMARIES = {
    Kind.SINGLE: "in a Redis or Valkey server",
    Kind.SINGLE_TLS: "in a Redis or Valkey server, by TLS",
    Kind.CLUSTER: "in a Redis or Valkey cluster, each queue on one of its nodes",
    Kind.SENTINEL: "in the Redis or Valkey server that sentinels name",
}


def connect(url: str, options: Mapping[str, str]) -> StorageOpener:
    """Give an opener on the server or servers that the URL names.

    Args:
        url: see the schemes in ``options.py``; options may stand in its query.
        options: ``prefix``, ``pool_size``, ``timeout`` and more; each wins over the query's.

    Raises:
        ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
        ModuleNotFoundError: the driver isn't installed.
    """
    chosen = Options.parse(url, options)
    if find_spec("redis") is None:
        raise ModuleNotFoundError("No module named 'redis'", name="redis")
    # The driver takes a while to import, and listings don't need it.
    from aide_de_camp_backends.redis.storage import RedisStorage  # noqa: PLC0415  (see above)

    told: set[str] = set()
    return lambda: RedisStorage(chosen, told)


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer the Redis backend under its schemes."""
    return [
        StorageDescriptor(
            scheme=kind.value,
            spi=(0, 1),
            connect=connect,
            capabilities=frozenset(
                {
                    Capability.WAKE_UP,
                    Capability.SHARED,
                    Capability.MOVE,
                    Capability.SURVIVES_KILL,
                    Capability.SURVIVES_POWER_LOSS,
                }
            ),
            summary=_SUMMARIES[kind],
            extra="redis",
            scratch=Scratch(scratch.url_of, scratch.remove),
        )
        for kind in Kind
    ]
