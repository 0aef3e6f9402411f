"""Opening a queue to look at it: nothing is created, and nothing migrated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from aide_de_camp.cli.failures import Failure
from aide_de_camp.opening import DEFAULT_KEEP_FINISHED, open_queue
from aide_de_camp.plugins import Registry, redact_url
from aide_de_camp.queue import Queue
from aide_de_camp.spi import Capability, ConfigurationError


@asynccontextmanager
async def looking(
    url: str, name: str = "default", *, keep_finished: timedelta = DEFAULT_KEEP_FINISHED
) -> AsyncGenerator[Queue]:
    """Open a queue that must be there already.

    Args:
        url: where the jobs are stored.
        name: the queue's name.
        keep_finished: what pruning goes by.

    Raises:
        SchemaError: nothing is stored there, or it must be migrated first.
        Failure: the storage is private to one process, so there is nothing to look at.
        AideDeCampError: as :func:`open_queue`.
    """
    registry = Registry()
    options = _no_migration(registry, url)
    async with open_queue(
        url,
        name=name,
        storage_options=options,
        registry=registry,
        keep_finished=keep_finished,
    ) as queue:
        refuse_private(queue, url)
        yield queue


def refuse_private(queue: Queue, url: str) -> None:
    """Refuse a storage whose jobs no other process can see.

    Raises:
        Failure: it is one.
    """
    if Capability.SHARED not in queue.storage.capabilities:
        raise Failure(
            f"the jobs of {redact_url(url)} live within the process that made them, so there are "
            "none here: use a storage that processes share, such as sqlite:///jobs.db"
        )


def _no_migration(registry: Registry, url: str) -> Mapping[str, str]:
    """Ask for no migration, of a backend that has one to forbid."""
    options = {"migrate": "false"}
    try:
        registry.storage(url, options)
    except ConfigurationError:
        return {}  # it doesn't know the option; if it is the URL that is wrong, opening says so
    return options
