"""Peers' reports about values that came back changed, big ones, and codecs of two versions.

Left out: P23, which needs unique keys.
"""

from __future__ import annotations

import asyncio
import decimal
import enum
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest

from aide_de_camp import (
    AideDeCampError,
    EncodeError,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    PayloadTooLarge,
    UnsupportedPayload,
    open_queue,
)
from aide_de_camp.spi import Codec, CodecDescriptor, hookimpl
from aide_de_camp_codecs.json.codec import JsonCodec

from .conftest import Run
from .support import listening, shared, state_of, store_raw


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


BERLIN = ZoneInfo("Europe/Berlin")

VALUES: list[tuple[Any, Any]] = [
    (date, date(2026, 2, 28)),
    (time, time(1, 2, 3, 456_789)),
    (datetime, datetime(2026, 2, 28, 1, 2, 3, 4)),  # noqa: DTZ001
    (datetime, datetime(2026, 2, 28, 1, 2, 3, 4, tzinfo=UTC)),
    (datetime, datetime(2026, 2, 28, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    (datetime, datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)),
    (datetime, datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0)),
    (datetime, datetime(2026, 10, 25, 2, 30, fold=1)),  # noqa: DTZ001
    (datetime, datetime(1, 1, 1, tzinfo=UTC)),
    (datetime, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    (timedelta, timedelta(days=3, microseconds=1)),
    (timedelta, timedelta(microseconds=-1)),
    (timedelta, timedelta.max),
    (UUID, UUID(int=1)),
    (Decimal, Decimal("1.10")),
    (Decimal, Decimal("-0")),
    (Decimal, Decimal("1E+400")),
    (Decimal, Decimal("NaN")),
    (bytes, b"\x00\xff"),
    (bytes, b""),
    (bytearray, bytearray(b"x")),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2)),
    (list[tuple[int, int]], [(1, 2)]),
    (Colour, Colour.RED),
    (Level, Level.HIGH),
    (int, Level.HIGH),
    (int, True),
    (float, 1),
    (float, 1e300),
    (float, -0.0),
    (float, float("inf")),
    (float, float("nan")),
    (bool, 1),
    (str, "x"),
    (dict[str, int], {"": 1}),
    (dict[int, str], {1: "a"}),
    (dict[UUID, int], {UUID(int=1): 1}),
    (dict[date, int], {date(2026, 1, 1): 1}),
    (int | str, "1"),
    (int | None, None),
    (Any, {"a": [1, "b", None, True, 1.5]}),
    (Any, (1, 2)),
    (Any, date(2026, 1, 1)),
    (Any, b"x"),
    (list[Any], [{1, 2}]),
    # P24: text that some store or codec may not hold
    (str, "a\x00b"),
    (str, "\ud800"),
    (str, "a\udc80"),
    (str, "\uffff\ufffe"),
    (str, "\U0001f600"),
    (str, "\u202eright\u200f"),
    (str, "e\u0301 \u00e9"),
    (dict[str, str], {"\x00": "\x00", "": ""}),
    (dict[str, str], {"\ud800": "x"}),
    (Any, {"\udfff": 1}),
    # P27: numbers that some JSON reader may round
    (int, 2**53 + 1),
    (int, 2**63 - 1),
    (int, 2**63),
    (int, -(2**63)),
    (int, -(2**63) - 1),
    (int, 2**64 - 1),
    (int, 2**64),
    (int, 10**400),
    (Any, 2**63),
    (Any, 10**400),
    (Decimal, Decimal("1" * 140_000)),
    (float, 2**53 + 1),
]


def names_the_field(error: EncodeError | UnsupportedPayload, what: str) -> None:
    assert "$.value" in str(error), what
    if isinstance(error, EncodeError):
        assert error.path.startswith("$.value"), what


def same(sent: Any, back: Any) -> bool:
    """Equal in value and type, with the two liberties that the core's comparison states.

    An aware datetime may come back with its offset for its zone: the same wall clock at the same
    instant. An int may come back as the equal float where a float is declared.
    """
    if isinstance(sent, datetime) and isinstance(back, datetime):
        return sent.isoformat() == back.isoformat()
    if type(sent) is int and type(back) is float:
        return sent == back
    return type(sent) is type(back) and bool(sent == back) and repr(sent) == repr(back)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_p22_p24_p27_a_payload_comes_back_equal_or_is_refused_by_field(
    queue_url: str, run: Run, codec: str
) -> None:
    """ENQ-3: through a first attempt and a retry; refused at once or never; nothing in between."""

    async def scenario() -> None:
        carried = refused = 0
        async with open_queue(queue_url, clock=ManualClock(), codec=codec) as queue:
            for form, value in VALUES:
                made = attrs.make_class(
                    "Made", {"before": attrs.field(type=int), "value": attrs.field(type=form)}
                )
                what = f"{form} {value!r:.40}"
                job: JobType[Any] = JobType("made", made)
                total = (await queue.count_jobs()).total
                payload = made(1, value)
                try:
                    job_id = await queue.schedule(job, payload)
                except (EncodeError, UnsupportedPayload) as error:
                    names_the_field(error, what)
                    assert (await queue.count_jobs()).total == total
                    refused += 1
                    continue
                carried += 1
                for _ in range(2):
                    handle = await queue.poll_next(job)
                    assert handle is not None, what
                    assert same(value, handle.payload.value), what
                    await handle.fail(delay=timedelta(0))
                back = await queue.unschedule_job(job_id, job)
                assert same(value, back.value), what
        assert carried > 25
        assert refused > 5

    run(scenario())


def test_p24_every_storage_and_codec_gives_the_same_answer(run: Run, tmp_path: Path) -> None:
    """P24, P27: what one pair refuses or carries does not depend on the storage."""

    async def answers(url: str, codec: str) -> list[str]:
        found: list[str] = []
        async with open_queue(url, codec=codec) as queue:
            for form, value in VALUES:
                try:
                    await queue.schedule(JobType("made", form), value)
                    found.append("stored")
                except AideDeCampError as error:
                    found.append(type(error).__name__)
        return found

    for codec in ("json", "msgpack"):
        in_memory = run(answers("memory://", codec))
        assert run(answers(f"sqlite:///{tmp_path / codec}.db", codec)) == in_memory


def test_p27_a_decimal_of_any_length_keeps_its_context(queue_url: str, run: Run) -> None:
    """Exact whatever the process's decimal context says."""

    async def scenario() -> None:
        number = JobType("number", Decimal)
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            value = Decimal("1." + "3" * 5_000)
            await queue.schedule(number, value)
            with decimal.localcontext() as context:
                context.prec = 3
                handle = await queue.poll_next(number)
            assert handle is not None
            assert str(handle.payload) == str(value)

    run(scenario())


# --- P26: payloads of any size -------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_p26_a_payload_s_size_has_no_bearing_on_its_being_run(
    queue_url: str, run: Run, codec: str
) -> None:
    """With the clock at a standstill only a wake-up, or the claim itself, can find the job."""

    async def scenario() -> None:
        router, sizes = JobRouter(), list[int]()
        text = JobType("text", str)
        arrived = asyncio.Event()

        @router.job("text")
        async def handler(payload: str) -> None:
            sizes.append(len(payload))
            arrived.set()

        async with open_queue(queue_url, clock=ManualClock(), codec=codec) as queue:
            runner = JobRunner(queue, router, poll_interval=timedelta(hours=1))
            running = asyncio.create_task(runner.run())
            for kib in (0, 1, 7, 8, 9, 32, 64, 512, 1_023):
                arrived.clear()
                await queue.schedule(text, "x" * (kib * 1_024))
                await arrived.wait()
            for over in (1_048_576, 2_097_152):
                with pytest.raises(PayloadTooLarge):
                    await queue.schedule(text, "x" * over)
            runner.shutdown()
            await running
            counts = await queue.count_jobs()
            assert counts.by_state[JobState.COMPLETED] == counts.total == 9
        assert sizes == [kib * 1_024 for kib in (0, 1, 7, 8, 9, 32, 64, 512, 1_023)]

    run(scenario())


def test_p26_the_limit_is_exact_and_a_retry_carries_it_all(queue_url: str, run: Run) -> None:
    """ENQ-2, ENQ-6: a payload of just the limit, through a retry; one byte more is refused."""

    async def scenario() -> None:
        text = JobType("text", str)
        async with open_queue(queue_url, clock=ManualClock(), payload_limit=1_000_000) as queue:
            most = "é" * 499_999  # with its quotes a million bytes
            job_id = await queue.schedule(text, most)
            assert (await queue.get_job(job_id)).payload_size == 1_000_000
            with pytest.raises(PayloadTooLarge, match="1,000,001"):
                await queue.schedule(text, most + "x")
            with pytest.raises(PayloadTooLarge):
                await queue.schedule_many([JobRequest(text, "ok"), JobRequest(text, most + "x")])
            assert (await queue.count_jobs()).total == 1
            for _ in range(2):
                handle = await queue.poll_next(text)
                assert handle is not None
                assert handle.payload == most
                await handle.fail(delay=timedelta(0))

    run(scenario())


# --- P21: codecs of two versions -----------------------------------------------------------------


class Versioned:
    """A codec of a given name, in all else json's; it stands for a later version."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def bind(self, payload_type: Any) -> Any:
        return JsonCodec().bind(payload_type)


class Offer:
    """A plugin that offers it."""

    def __init__(self, name: str) -> None:
        self._name = name

    @hookimpl
    def adc_codecs(self) -> Iterable[CodecDescriptor]:
        def make() -> Codec:
            return Versioned(self._name)

        return [CodecDescriptor(name=self._name, spi=(0, 1), factory=make, summary="for a test")]


@attrs.frozen
class Dated:
    when: datetime
    who: UUID


def test_p21_a_consumer_refuses_what_a_newer_codec_wrote(queue_url: str, run: Run) -> None:
    """DEC-4, DEC-7: by name, no handler sees a wrapper, and the bytes run once it is enabled."""
    url, dated = shared(queue_url), JobType("dated", Dated)
    sent = Dated(datetime(2026, 3, 1, tzinfo=UTC), UUID(int=7))

    async def scenario() -> None:
        seen: list[Dated] = []
        router = JobRouter()

        @router.job("dated")
        async def handler(payload: Dated) -> None:
            seen.append(payload)

        clock = ManualClock()
        registry, _ = listening(Offer("json2"))
        async with open_queue(url, clock=clock, codec="json2", registry=registry) as new:
            newer = await new.schedule(dated, sent)
            async with open_queue(url, clock=clock) as old:
                older = await old.schedule(dated, sent)
                assert (await old.get_job(newer)).codec == "json2"
                assert await JobRunner(old, router).drain() == 2
                assert seen == [sent]
                dead = await old.get_job(newer)
                assert (dead.state, dead.reason) == (JobState.DEAD, "decode")
                assert dead.error is not None
                assert "json2" in dead.error.message
                assert await state_of(old, older) is JobState.COMPLETED
            # The newer one reads both, each by the codec that wrote it.
            await new.dead.requeue(newer)
            third = await store_raw(
                new, (await new.get_job(older)).payload or b"", job_type="dated"
            )
            assert await JobRunner(new, router).drain() == 2
            assert seen == [sent, sent, sent]
            assert await state_of(new, third) is JobState.COMPLETED

    run(scenario())
