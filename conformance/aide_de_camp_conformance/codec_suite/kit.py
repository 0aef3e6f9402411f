"""What a codec's requirement is given: the codec, what it takes, and queues that use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from importlib import metadata
from typing import Any, Final, TypeVar

import attrs
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aide_de_camp import JobType, Queue, Registry, open_queue
from aide_de_camp.spi import (
    BoundCodec,
    Codec,
    CodecDescriptor,
    DecodeError,
    EncodeError,
    UnsupportedPayload,
    hookimpl,
)
from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_suite.kinds import ORDER, Kind, kinds_of
from aide_de_camp_conformance.codec_suite.records import RECORDS, Make
from aide_de_camp_conformance.codec_suite.requirement import NotAsked

T = TypeVar("T")
_UNHURRIED: Final = (
    HealthCheck.too_slow,
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
)
SAMPLE: Final[Mapping[str, Any]] = {"number": 7, "note": "to the back door", "price": 2.5}
"""The fields of the record that the kit cuts and bends."""


class CodecKit:
    """One requirement's view of one codec.

    Attributes:
        harness: what was written for the codec.
        descriptor: what its plugin says of it.
        codec: the codec.
        rounds: how many values of a kind are tried.
    """

    def __init__(self, harness: CodecHarness, *, rounds: int = 30) -> None:
        self.harness = harness
        self.rounds = rounds
        self.descriptor = harness.descriptor()
        self.codec = self.descriptor.factory()

    # --- what the codec takes -----------------------------------------------------------------

    @property
    def makers(self) -> Mapping[str, Make]:
        """Every kind of record that is tried: the kit's and the harness's."""
        return {**RECORDS, **self.harness.records}

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Every kind of payload that is tried, by name."""
        return {each.name: each for each in (*kinds_of(self.makers), *self.harness.kinds)}

    @cached_property
    def taken(self) -> Mapping[str, tuple[Kind, BoundCodec[Any]]]:
        """The kinds that the codec takes, and the codec made ready for each.

        Raises:
            NotAsked: there is none.
        """
        bound = {name: (kind, self.bound(kind.form)) for name, kind in self.kinds.items()}
        taken = {name: (kind, ready) for name, (kind, ready) in bound.items() if ready is not None}
        if not taken:
            raise NotAsked("the codec takes nothing")
        return taken

    @property
    def records(self) -> Mapping[str, Make]:
        """The kinds of record that the codec takes.

        Raises:
            NotAsked: there is none.
        """
        found = {name: make for name, make in self.makers.items() if name in self.taken}
        if not found:
            raise NotAsked("the codec takes no record")
        return found

    def bound(self, form: Any, codec: Codec | None = None) -> BoundCodec[Any] | None:
        """Make the codec ready for a payload type; None if it refuses that."""
        try:
            return (codec or self.codec).bind(form)
        except UnsupportedPayload:
            return None

    def orders(self) -> Mapping[str, tuple[Any, Any, BoundCodec[Any]]]:
        """For each kind of record: its class, a value, and the codec made ready for it.

        Raises:
            NotAsked: the codec takes no record.
        """
        found: dict[str, tuple[Any, Any, BoundCodec[Any]]] = {}
        for name, make in self.records.items():
            cls = make("Order", ORDER)
            found[name] = (cls, cls(**SAMPLE, flag=True), self.codec.bind(cls))
        return found

    # --- many values --------------------------------------------------------------------------

    def each(self, values: st.SearchStrategy[T], examine: Callable[[T], None]) -> None:
        """Have a value examined, and another, always the same ones.

        Args:
            values: where they come from.
            examine: raises where something is wrong; what it raises leaves with the smallest
                value on which it does.
        """

        # Nothing depends on how fast it goes, and what one codec is given the next one is, too.
        @settings(
            max_examples=self.rounds,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=_UNHURRIED,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
        )
        @given(values)
        def run(value: T) -> None:
            examine(value)

        run()

    # --- errors -------------------------------------------------------------------------------

    def read(self, ready: BoundCodec[Any], data: bytes, what: str) -> Any:
        """Decode, where DecodeError is all that may be raised.

        Returns:
            The payload, or the error.
        """
        try:
            return ready.decode(data)
        except DecodeError as error:
            return error
        except Exception as error:
            raise AssertionError(f"decoding {what} raised {type(error).__name__}") from error

    def refused(self, ready: BoundCodec[Any], data: bytes, what: str) -> DecodeError:
        """Decode what must be refused, and give the error."""
        answer = self.read(ready, data, what)
        assert isinstance(answer, DecodeError), f"{what} was decoded, as {answer!r:.200}"
        return answer

    def written(self, ready: BoundCodec[Any], payload: Any, what: str) -> bytes | EncodeError:
        """Encode, where EncodeError is all that may be raised."""
        try:
            return ready.encode(payload)
        except EncodeError as error:
            return error
        except Exception as error:
            raise AssertionError(f"encoding {what} raised {type(error).__name__}") from error

    # --- queues -------------------------------------------------------------------------------

    def through_queues(
        self, form: Any, work: Callable[[Queue, Queue, JobType[Any]], Coroutine[Any, Any, T]]
    ) -> T:
        """Do something with two queues on one place, each with a codec of its own.

        Args:
            form: the payload type of the job type that ``work`` is given.
            work: takes the queue that schedules, the one that reads, and the job type.
        """

        async def do() -> T:
            async with self._queue() as writer, self._queue() as reader:
                return await work(writer, reader, JobType("payload", form))

        return asyncio.run(do())

    def _queue(self) -> Queue:
        memory = metadata.entry_points(group="aide_de_camp.backends", name="memory")
        registry = Registry(entry_points=memory, disabled=())
        # Another codec than the kit's own: what it remembers of what it wrote is of no use.
        registry.register(_Plugin(attrs.evolve(self.descriptor)))
        url = f"memory://adc-codec-{id(self):x}"
        name = self.descriptor.name
        return open_queue(url, registry=registry, codec=name, codecs=[name])


class _Plugin:
    """A plugin that offers the one codec."""

    def __init__(self, descriptor: CodecDescriptor) -> None:
        self._descriptor = descriptor

    @hookimpl
    def adc_codecs(self) -> list[CodecDescriptor]:
        """Offer it."""
        return [self._descriptor]
