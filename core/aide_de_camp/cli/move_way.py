"""From where to where a move goes, in words that hold no password."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from attrs import field, frozen

from aide_de_camp.cli.failures import Failure
from aide_de_camp.plugins import redact_url
from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import CapabilityNotSupported, QueueMisused, StorageUnavailable

_DEFAULT: Final = "default"


@frozen
class Way:
    """From where to where: URLs, which may hold passwords, and names of queues."""

    source: str = field(repr=False)
    source_name: str
    target: str = field(repr=False)
    target_name: str

    @property
    def old(self) -> str:
        """The source in words, without a password."""
        return _place(self.source, self.source_name)

    @property
    def new(self) -> str:
        """The target in words, without a password."""
        return _place(self.target, self.target_name)

    @property
    def words(self) -> str:
        """Both."""
        return f"from {self.old} to {self.new}"

    @contextmanager
    def naming(self) -> Generator[None]:
        """Say which move it was that was refused or broke off.

        Raises:
            Failure: it was; no secret of the two URLs is in it.
        """
        try:
            yield
        except (QueueMisused, StorageUnavailable, CapabilityNotSupported) as error:
            words = scrub(scrub(str(error), self.source), self.target)
            raise Failure(f"moving {self.words}: {words}") from error


def _place(url: str, name: str) -> str:
    shown_url = redact_url(url)
    return shown_url if name == _DEFAULT else f"queue {name!r} of {shown_url}"
