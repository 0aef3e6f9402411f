"""Places for a tester beside the file that a URL names; that file isn't touched."""

from __future__ import annotations

import asyncio
from typing import Final

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends._sql.urls import with_option
from aide_de_camp_backends.sqlite.options import Options

_BESIDE: Final = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to the name of a file for those that it keeps beside it."""


def url_of(url: str, name: str) -> str:
    """Give the URL of a file in the same folder.

    Raises:
        ConfigurationError: the URL or an option can't be used.
    """
    Options.parse(url, {})
    address, mark, query = url.partition("?")
    return with_option(f"{address}-{name}{mark}{query}", "migrate", "true")


async def remove(url: str) -> None:
    """Remove such a file.

    Raises:
        StorageUnavailable: it can't be removed.
    """
    await asyncio.to_thread(_remove, url)


def _remove(url: str) -> None:
    path = Options.parse(url, {}).path
    try:
        for ending in _BESIDE:
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable(
            f"{path} can't be removed: {error.strerror}; remove it by hand", outcome_unknown=False
        ) from error
