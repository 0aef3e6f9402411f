"""What a storage says of itself before the kit asks it anything, and whose it is."""

from __future__ import annotations

import asyncio
from importlib import metadata
from typing import Final

from attrs import frozen

from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import Capability, Storage, StorageError
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.running import OPENING, new_namespace
from aide_de_camp_conformance.said import clean
from aide_de_camp_conformance.watching import Begin, Hung, Step, Watch

_GROUP: Final = "aide_de_camp.backends"


@frozen
class Introduction:
    """One storage's own words.

    Attributes:
        server: the product, its version and the settings that matter.
        capabilities: what it declares.
        backend: the module of its class.
        distribution: which installed distribution that module is of; None where unknown.
        version: that distribution's version.
    """

    server: str
    capabilities: frozenset[Capability]
    backend: str = ""
    distribution: str | None = None
    version: str | None = None


def introduce(harness: Harness, begin: Begin | None = None) -> Introduction:
    """Open a storage on a place, and ask it.

    Args:
        harness: gives the place.
        begin: told of each step that may hang, as it begins; None tells nobody.

    Raises:
        Exception: whatever the harness or the storage raises.
    """
    namespace = new_namespace()
    with Watch(begin) as watch:
        try:
            watch.begin(Step("opening and closing the storage", OPENING, namespace))
            try:
                return asyncio.run(_introduced(harness, namespace))
            finally:
                watch.begin(Step("removing its place", OPENING, namespace))
                harness.remove(namespace)
        except Hung as error:
            raise StorageError(str(error)) from None


async def _introduced(harness: Harness, namespace: str) -> Introduction:
    timeout = asyncio.timeout(OPENING)
    try:
        async with timeout:
            storage = harness.opener(namespace)()
            await storage.open()
            try:
                return _of(storage, harness, namespace)
            finally:
                await storage.close()
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise StorageError(f"it neither opened nor closed within {OPENING:g} s") from error


def _of(storage: Storage, harness: Harness, namespace: str) -> Introduction:
    """Read what it says; checked first, since a report is made of it at the very end.

    Raises:
        StorageError: it isn't what a storage says.
    """
    server: object = storage.server
    declared: object = storage.capabilities
    if not isinstance(server, str):
        raise StorageError(f"the storage's server is a {type(server).__name__}: it must be a str")
    if not isinstance(declared, frozenset):
        raise StorageError(
            f"the storage's capabilities are a {type(declared).__name__}: they must be a frozenset"
        )
    owner = _owner_of(storage)
    return Introduction(
        clean(_without_password(server, harness, namespace)),
        storage.capabilities,
        type(storage).__module__,
        None if owner is None else owner.name,
        None if owner is None else owner.version,
    )


def _without_password(words: str, harness: Harness, namespace: str) -> str:
    url = harness.url(namespace)
    return words if url is None else scrub(words, url)


def _owner_of(storage: Storage) -> metadata.Distribution | None:
    package = type(storage).__module__.partition(".")[0]
    for point in metadata.entry_points(group=_GROUP):
        if point.module.partition(".")[0] == package and point.dist is not None:
            return point.dist
    names = metadata.packages_distributions().get(package)
    return metadata.distribution(names[0]) if names else None
