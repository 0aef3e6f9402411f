"""What a plugin says of itself: typed descriptors, returned by its registering hook."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from attrs import field, frozen

from aide_de_camp.spi.capability import Capability
from aide_de_camp.spi.codec import Codec
from aide_de_camp.spi.storage import Storage
from aide_de_camp.spi.version import SpiVersion

StorageOpener = Callable[[], Storage]
"""Makes an unopened Storage; each call gives another one on the same data."""

Connect = Callable[[str, Mapping[str, str]], StorageOpener]
"""From a URL and options, an opener. It validates both, and touches nothing else."""


@frozen
class Scratch:
    """How a tester gets places at a URL where others may keep their jobs, and leaves none behind.

    Attributes:
        url: from a URL and a name (letters, digits and underscores, 25 at most), the URL of a
            place of that name on the same server or disk. Nothing that is stored anywhere else
            is read or changed through it. Only reads the URL; raises ConfigurationError for
            one that it can't use.
        remove: removes all that a place, given by the URL that ``url`` made, holds; harmless
            where there is nothing. It raises only the framework's errors.
    """

    url: Callable[[str, str], str]
    remove: Callable[[str], Awaitable[None]]


@frozen
class StorageDescriptor:
    """A storage backend.

    Attributes:
        scheme: the URL scheme that it serves; equals its entry point's name.
        spi: the ``(major, minor)`` of the SPI that it was built for.
        connect: turns a URL and options into an opener. It raises ConfigurationError for a URL
            or an option that it doesn't know. The opener gives another unopened
            :class:`Storage` on the same data with each call, each for one event loop.
        capabilities: what it can offer at its best settings; an opened storage says what holds.
        summary: one line for listings.
        extra: the extra of ``aide-de-camp`` that brings its driver; None if it needs none.
        scratch: how a tester gets places of its own; None where it must say so itself.
    """

    scheme: str
    spi: SpiVersion
    connect: Connect
    capabilities: frozenset[Capability] = frozenset()
    summary: str = ""
    extra: str | None = None
    scratch: Scratch | None = None


@frozen
class CodecDescriptor:
    """A payload codec.

    Attributes:
        name: the codec's name; equals its entry point's name and ``Codec.name``.
        spi: the ``(major, minor)`` of the SPI that it was built for.
        factory: makes the codec.
        data_only: True if decoding can't run code that the bytes choose.
        summary: one line for listings.
        extra: the extra of ``aide-de-camp`` that brings its library; None if it needs none.
    """

    name: str
    spi: SpiVersion
    factory: Callable[[], Codec] = field(repr=False)
    data_only: bool = True
    summary: str = ""
    extra: str | None = None
