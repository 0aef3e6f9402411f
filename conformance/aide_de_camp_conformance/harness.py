"""What somebody who tests a backend writes: where the kit gets its storages from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import ClassVar

from aide_de_camp.spi import StorageOpener
from aide_de_camp_conformance.asking import NotAsked
from aide_de_camp_conformance.server import Server
from aide_de_camp_conformance.transactions import OwnTransaction


class Harness(ABC):
    """Gives each requirement a place of its own.

    The kit makes one per run, asks it for the opener of many namespaces, and closes it at the
    end. What the contract says is no option here.

    Attributes:
        deviations: requirements that are known not to hold, each by its id with the reason (and
            where it is followed up). A backend with one doesn't reach the requirement's level,
            and is told so; but the tests pass, until the requirement holds: then the entry is
            stale, and fails.
    """

    deviations: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @abstractmethod
    def opener(self, namespace: str) -> StorageOpener:
        """Give what makes storages on one fresh and empty place.

        Args:
            namespace: names the place; letters, digits and underscores, 40 at most. Each is
                asked for once.

        Returns:
            An opener: the kit calls it several times, for several storages on the same data,
            also after all earlier ones were closed.
        """

    def url(self, namespace: str) -> str | None:
        """Give the URL by which *another process* opens that same place; None if none can.

        A backend that declares SHR-1 or DUR-1 needs it.
        """
        return None

    def transaction(self, namespace: str) -> AbstractAsyncContextManager[OwnTransaction]:
        """Begin a transaction of a user's own on that same place; only TXN-1 needs it.

        Leaving the block without a commit rolls it back.
        """
        raise LookupError(
            "the storage declares TXN-1: the harness must override the method 'transaction'"
        )

    def server(self, namespace: str) -> Server:
        """Give a hold on the server behind that same place, by which the kit kills it.

        It must be the harness's own: nobody else's data may be on it. Requirements about a
        server's end need it, and are not asked where there is none.

        Returns:
            What kills the server and starts it again on the same data and address.

        Raises:
            NotAsked: there is no server, or none that may be killed; the words stand in the report.
        """
        raise NotAsked(
            "the harness has no server that it could kill (its method 'server' gives one)"
        )

    def remove(self, namespace: str) -> None:  # noqa: B027 (nothing to do is a fair default)
        """Tidy one place up; the kit has closed what it opened there."""

    def close(self) -> None:  # noqa: B027 (as above)
        """Tidy up at the very end."""
