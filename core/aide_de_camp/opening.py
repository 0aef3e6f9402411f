"""Opening a queue by its URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from aide_de_camp.checks import (
    checked_count,
    checked_name,
    checked_options,
    checked_several,
    checked_string,
)
from aide_de_camp.clock import Clock, SystemClock
from aide_de_camp.payloads import Payloads
from aide_de_camp.plugins.registry import Registry
from aide_de_camp.queue import Queue
from aide_de_camp.spi import InvalidArgument

DEFAULT_CODECS: Final = ("json", "msgpack")
DEFAULT_PAYLOAD_LIMIT: Final = 1024 * 1024
DEFAULT_KEEP_FINISHED: Final = timedelta(hours=1)
_MOST_BYTES: Final = 16 * 1024 * 1024


def open_queue(
    url: str,
    *,
    name: str = "default",
    codec: str = "json",
    codecs: Iterable[str] = DEFAULT_CODECS,
    payload_limit: int = DEFAULT_PAYLOAD_LIMIT,
    keep_finished: timedelta = DEFAULT_KEEP_FINISHED,
    storage_options: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    clock: Clock | None = None,
) -> Queue:
    """Make a queue for ``async with``, which opens it.

    Args:
        url: where the jobs are stored, such as ``sqlite:///jobs.db`` or ``memory://``. It may
            carry the backend's options as a query.
        name: which of the storage's queues, 1 to 128 characters.
        codec: the codec for job types that name none.
        codecs: the codecs that may read stored payloads; ``codec`` is always one of them. A
            stored name never has any other loaded (clause DEC-4).
        payload_limit: the most bytes of an encoded payload, 1 to 16 MiB (clause ENQ-6).
        keep_finished: how long completed and cancelled jobs are kept, 0 to 365 days (KEP-1). They
            are kept for a minute at least, so that a call which is repeated, because its answer
            was lost, finds what it did the first time.
        storage_options: the backend's options, beside those in the URL.
        registry: the plugins to use; None finds those installed.
        clock: where time comes from; None is the storage's own clock.

    Returns:
        The queue, not yet open.

    Raises:
        PluginNotFound: no installed backend serves the scheme, or no codec has the name.
        PluginError: the plugin is there and can't be used; the message says why.
        ConfigurationError: the URL or an option can't be used.
        InvalidArgument: another argument is bad.
    """
    checked_string("url", url)
    checked_name("name", name)
    checked_name("codec", codec)
    checked_count("payload_limit", payload_limit, least=1, most=_MOST_BYTES)
    enabled = [checked_name("codecs", each) for each in checked_several("codecs", codecs, "names")]
    options = checked_options("storage_options", storage_options)
    if not isinstance(registry, Registry | None):
        raise InvalidArgument("registry", "must be a Registry or None")
    if not isinstance(clock, Clock | None):
        raise InvalidArgument("clock", "must be a Clock or None: it has not all of its methods")
    plugins = Registry() if registry is None else registry
    payloads = Payloads(
        default=codec,
        codecs={each: plugins.codec(each) for each in dict.fromkeys((codec, *enabled))},
        limit=payload_limit,
    )
    return Queue(
        plugins.storage(url, options),
        payloads,
        name=name,
        clock=SystemClock() if clock is None else clock,
        bus=plugins.events,
        keep_finished=keep_finished,
    )
