"""What somebody who tests a codec writes: which codec it is, and what it refuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import metadata
from typing import Any, ClassVar

from aide_de_camp.spi import CodecDescriptor


class CodecHarness:
    """Gives the codec to the kit, here and in other processes.

    Subclass it with a ``name``, where the codec is installed; or override :meth:`descriptor`. It
    is made without arguments, also in other processes that the kit starts, which import the
    module that it stands in by its name or from its file: let that import nothing relatively.

    What the contract says is no option here: what stands here says what the codec is.

    Attributes:
        name: the codec's, as its entry point has it.
        refuses: the names of the kit's kinds of payload that the codec refuses when it is bound.
            The kit fails a codec that takes one of these, or refuses another.
        kinds: more kinds of payload than the kit has, each with its values: see
            :class:`aide_de_camp_conformance.codec.Kind`.
        records: more kinds of record than the kit has, such as a library's models: by name, what
            makes a class of them; see :data:`aide_de_camp_conformance.codec_suite.records.Make`.
        deterministic: True if equal payloads are always written as the same bytes.
    """

    name: str = ""
    refuses: Collection[str] = ()
    records: ClassVar[Mapping[str, Any]] = {}
    kinds: ClassVar[Sequence[Any]] = ()
    deterministic: ClassVar[bool] = False

    def arguments(self) -> tuple[object, ...]:
        """Give what another process makes it with, as JSON can carry it; nothing by default."""
        return ()

    def descriptor(self) -> CodecDescriptor:
        """Give what the codec's plugin says of it.

        Returns:
            The descriptor; its factory is called several times, for several codecs.

        Raises:
            LookupError: no installed codec has the name.
        """
        for point in metadata.entry_points(group="aide_de_camp.codecs", name=self.name):
            for descriptor in point.load().adc_codecs():
                if descriptor.name == self.name:
                    return descriptor  # type: ignore[no-any-return] # the registry looks at it
        raise LookupError(
            f"no codec {self.name!r} is installed: name one in {type(self).__name__}, install its "
            "distribution, or override descriptor()"
        )
