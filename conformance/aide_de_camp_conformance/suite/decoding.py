"""DEC: payloads that can't be decoded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final
from uuid import UUID

from aide_de_camp import (
    DeadReason,
    DecodeError,
    EncodeError,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    Queue,
    Registry,
    open_queue,
)
from aide_de_camp_conformance.codecs import HOSTILE_ERRORS, LOCATED
from aide_de_camp_conformance.desk import SECOND
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.listening import listening
from aide_de_camp_conformance.place import Places
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import (
    BYTES,
    HOSTILE,
    ORDER,
    SAMPLE,
    Line,
    Order,
    bytes_type,
    order_type,
)

SECRET: Final = "Rosinante-4711"

BAD_JSON: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "not JSON": b"\x00\x01\x02",
    "invalid UTF-8": b'{"number": 1, "lines": [], "note": "\xff"}',
    "another shape": b"[]",
    "null": b"null",
    "a wrong type": b'{"number": "7", "lines": []}',
    "a float for an int": b'{"number": 7.5, "lines": []}',
    "a missing field": b'{"number": 7}',
    "an unknown field": b'{"number": 7, "lines": [], "weight": 3}',
    "an unknown field within": b'{"number": 7, "lines": [{"item": "a", "price": 1.0, "x": 1}]}',
    "a wrong type within": b'{"number": 7, "lines": [{"item": 1, "price": 1.0}]}',
    "something behind": b'{"number": 7, "lines": []} x',
    "two of them": b'{"number": 7, "lines": []}{"number": 7, "lines": []}',
    "too deep": b"[" * 200_000,
    "too deep within": b'{"number": 7, "lines": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}
BAD_MSGPACK: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "an unused byte": b"\xc1",
    "another shape": b"\x90",
    "nil": b"\xc0",
    "a wrong type": b"\x82\xa6number\xa17\xa5lines\x90",
    "a missing field": b"\x81\xa6number\x07",
    "an unknown field": b"\x83\xa6number\x07\xa5lines\x90\xa6weight\x03",
    "something behind": b"\x82\xa6number\x07\xa5lines\x90\x00",
    "too deep": b"\x91" * 200_000,
    "a length that lies": b"\x82\xa6number\x07\xa5lines\xdd\xff\xff\xff\xff",
}


async def poll_all(queue: Queue, job: JobType[Any]) -> list[Any]:
    """Claim and complete until nothing is due, and give the payloads."""
    payloads: list[Any] = []
    while (handle := await queue.poll_next(job)) is not None:
        payloads.append(handle.payload)
        await handle.complete()
    return payloads


@requirement("DEC-1.runner", level=1)
async def never_a_handler(kit: Kit) -> None:
    """A payload that can't be decoded never reaches a handler."""
    queue, desk = await kit.queue(), await kit.desk()
    router, seen = JobRouter(), list[bytes]()

    @router.job("hostile", codec="hostile")
    async def work(payload: bytes, job: JobContext) -> None:
        seen.append(payload)

    bad = await desk.add("hostile", b"ValueError", codec="hostile")
    await desk.add("hostile", b"good", codec="hostile")
    await JobRunner(queue, router).drain()
    same(seen, [b"good"], "what the handler was given")
    same((await desk.get(bad)).reason, "decode", "why the other is dead")


@requirement("DEC-1.poll", level=1)
async def poll_goes_on(kit: Kit) -> None:
    """`poll_next` too moves it to the dead queue, and returns the next."""
    queue, desk = await kit.queue(), await kit.desk()
    bad = [await desk.add("hostile", b"ValueError", codec="hostile") for _ in range(3)]
    good = await desk.add("hostile", b"good", codec="hostile")
    handle = await queue.poll_next(HOSTILE)
    same(handle and (handle.id, handle.payload), (good, b"good"), "what poll_next gave")
    for job_id in bad:
        same(await desk.state(job_id), JobState.DEAD, "the state of one before it")


@requirement("DEC-2.kept", level=1)
async def kept(kit: Kit) -> None:
    """It is dead at once, reason `decode`, all of it kept, with the error's class, offset, path."""
    queue, desk = await kit.queue(), await kit.desk()
    due = kit.now - SECOND
    payload = LOCATED + b" \x00 more".replace(b"\x00", b"?")
    job_id = await desk.add("hostile", payload, codec="hostile", priority=-7, at=due)
    before = await desk.get(job_id)
    kit.advance(SECOND)
    same(await queue.poll_next(HOSTILE), None, "what poll_next gave")
    record = await desk.get(job_id)
    for field in ("payload", "codec", "job_type", "priority", "scheduled_at", "enqueued_at"):
        same(getattr(record, field), getattr(before, field), f"its {field}")
    same((record.state, record.reason), (JobState.DEAD, DeadReason.DECODE), "its state and reason")
    same((record.retries, record.finished_at), (0, kit.now), "its retries, and when it died")
    assert record.error is not None, "no error was kept"
    error = record.error
    same((error.type, error.offset, error.path), ("DecodeError", 17, "$.lines[2]"), "the error")
    same((error.detail, record.error_at), ("? more", kit.now), "the codec's words, and the time")


@requirement("DEC-2.retry", level=1)
async def retried(kit: Kit) -> None:
    """With `on_decode_error="retry"` it is retried as a failure is, and dead with none left."""
    queue, desk = await kit.queue(), await kit.desk()
    job = bytes_type("hostile", on_decode_error="retry", max_retries=2)
    job_id = await desk.add("hostile", b"ValueError", codec="hostile", max_retries=2)
    # A delay of 0 makes the retry due at once, so one poll_next goes through all of them.
    same(await queue.poll_next(job), None, "what poll_next gave")
    record = await desk.get(job_id)
    same((record.state, record.claims, record.retries), (JobState.DEAD, 3, 2), "what became of it")


@requirement("DEC-3.behind", level=1)
async def behind(kit: Kit) -> None:
    """The jobs behind it run as if it were not there, and the runner goes on."""
    queue, desk = await kit.queue(), await kit.desk()
    router, seen = JobRouter(), list[bytes]()

    @router.job("hostile", codec="hostile")
    async def work(payload: bytes, job: JobContext) -> None:
        seen.append(payload)

    for index in range(20):
        bad = HOSTILE_ERRORS[index % len(HOSTILE_ERRORS)]
        await desk.add("hostile", bad if index % 2 else b"%d" % index, codec="hostile")
    async with kit.running(queue, router, concurrency=1):
        await kit.until("the good ones ran", lambda: len(seen) == 10)
        await queue.schedule(HOSTILE, b"one more")
        await kit.until("one more ran", lambda: len(seen) == 11, polling=kit.clock)
    same(seen[:10], [b"%d" % index for index in range(0, 20, 2)], "the order in which they ran")
    same(await queue.dead.count(reasons=["decode"]), 10, "how many are dead")


@requirement("DEC-4.codec", level=1)
async def unknown_codec(kit: Kit) -> None:
    """A codec name that is unknown, or not enabled on the queue, is a DecodeError."""
    queue, desk = await kit.queue(codecs=["json"]), await kit.desk()
    # Bytes that the default codec could read: whoever guesses would hand them out.
    whole = await queue.schedule(ORDER, SAMPLE)
    payload = (await desk.get(whole)).payload or b""
    await queue.cancel_job(whole)
    for codec in ("no-such-codec", "msgpack", "raw", "os", "JSON", ""):
        job_id = await desk.add("order", payload, codec=codec)
        with raises(DecodeError, f"unscheduling a job of codec {codec!r}"):
            await queue.unschedule_job(job_id, ORDER)
        same(await queue.poll_next(ORDER), None, "what poll_next gave")
        record = await desk.get(job_id)
        same((record.reason, record.codec), ("decode", codec), "its reason and codec")


@requirement("DEC-4.loads", level=1)
async def never_loaded(kit: Kit) -> None:
    """A stored codec name that isn't enabled on the queue is never loaded, though installed."""
    name = "aide_de_camp_conformance.never_loaded"
    sys.modules.pop(name, None)
    installed = metadata.EntryPoint(name, name, "aide_de_camp.codecs")
    others = metadata.entry_points(group="aide_de_camp.codecs")
    registry, places = Registry(entry_points=[*others, installed], disabled=()), Places()
    registry.register(places)
    desk, router = await kit.desk(), JobRouter()

    @router.job("order")
    async def work(payload: Order, job: JobContext) -> None:
        raise AssertionError

    ids = [await desk.add("order", b"{}", codec=name) for _ in range(2)]
    url = places.url_of(kit.opener)
    async with open_queue(url, registry=registry, clock=kit.clock) as queue:
        with raises(DecodeError, "unscheduling a job of a codec that isn't enabled"):
            await queue.unschedule_job(ids[0], ORDER)
        await queue.cancel_job(ids[0])
        await JobRunner(queue, router).drain()
    same((await desk.get(ids[1])).reason, "decode", "why the one that a runner took is dead")
    assert name not in sys.modules, "a stored name had its codec imported"


@requirement("DEC-4.cut", level=1)
async def cut(kit: Kit) -> None:
    """Bytes that the codec's grammar refuses are a DecodeError: payloads cut at every byte."""
    queue, desk = await kit.queue(), await kit.desk()
    for codec in ("json", "msgpack"):
        source = await queue.schedule(order_type(codec=codec), SAMPLE)
        payload = (await desk.get(source)).payload or b""
        assert len(payload) > 50, "the payload is too short to be cut"
        ids = [await desk.add("order", payload[:end], codec=codec) for end in range(len(payload))]
        same(await poll_all(queue, ORDER), [SAMPLE], f"what whole payloads came of {codec}")
        for job_id in ids:
            record = await desk.get(job_id)
            size = record.payload_size
            same(record.reason, "decode", f"why {codec} cut to {size} bytes is dead")


@requirement("DEC-4.json", level=1)
async def bad_json(kit: Kit) -> None:
    """Empty, ill-typed, incomplete, surplus or too deep JSON is a DecodeError; the rest goes on."""
    await _all_refused(kit, "json", BAD_JSON)


@requirement("DEC-4.msgpack", level=1)
async def bad_msgpack(kit: Kit) -> None:
    """Empty, ill-typed, incomplete, surplus or too deep MessagePack is a DecodeError."""
    await _all_refused(kit, "msgpack", BAD_MSGPACK)


async def _all_refused(kit: Kit, codec: str, bad: Mapping[str, bytes]) -> None:
    queue, desk = await kit.queue(), await kit.desk()
    ids = {what: await desk.add("order", data, codec=codec) for what, data in bad.items()}
    good = await queue.schedule(order_type(codec=codec), SAMPLE)
    for what, job_id in ids.items():
        with raises(DecodeError, f"unscheduling {codec} with {what}"):
            await queue.unschedule_job(job_id, ORDER)
    same(await poll_all(queue, ORDER), [SAMPLE], "what could be decoded")
    same(await desk.state(good), JobState.COMPLETED, "the state of the good one")
    for what, job_id in ids.items():
        record = await desk.get(job_id)
        same((record.reason, record.payload), ("decode", bad[what]), f"{codec} with {what}")


@requirement("DEC-4.raises", level=1)
async def codec_raises(kit: Kit) -> None:
    """Everything that a codec raises is a DecodeError; none of it ends the runner."""
    queue, desk = await kit.queue(), await kit.desk()
    router, seen = JobRouter(), list[bytes]()

    @router.job("hostile", codec="hostile")
    async def work(payload: bytes, job: JobContext) -> None:
        seen.append(payload)

    ids = {kind: await desk.add("hostile", kind, codec="hostile") for kind in HOSTILE_ERRORS}
    for kind, job_id in ids.items():
        with raises(
            DecodeError, f"unscheduling with a codec that raises {kind.decode()}"
        ) as caught:
            await queue.unschedule_job(job_id, HOSTILE)
        assert caught.error.__cause__ is not None, "the codec's error isn't the cause"
    await queue.schedule(HOSTILE, b"good")
    await JobRunner(queue, router).drain()
    same(seen, [b"good"], "what the handler was given")
    for kind, job_id in ids.items():
        same((await desk.get(job_id)).reason, "decode", f"why {kind.decode()} is dead")


@requirement("DEC-4.passes", level=1)
async def passes_through(kit: Kit) -> None:
    """KeyboardInterrupt, SystemExit, GeneratorExit and CancelledError are no DecodeError."""
    for kind in (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        desk = await kit.desk(kind.__name__)
        job_id = await desk.add("hostile", kind.__name__.encode(), codec="hostile")

        async def poll(name: str = kind.__name__) -> None:
            async with kit.unopened(name=name) as queue:
                await queue.poll_next(HOSTILE)

        with raises(kind, f"a codec that raises {kind.__name__}"):
            await kit.elsewhere(poll)
        same(await desk.state(job_id), JobState.RUNNING, "the state of the job")


@requirement("DEC-5.mended", level=1)
async def mended(kit: Kit) -> None:
    """Requeueing it after the code was mended runs it with the very bytes that were scheduled."""
    old, new = await kit.queue(codecs=["json"]), await kit.queue()
    desk = await kit.desk()
    payload = bytes(range(256))
    job_id = await desk.add("bytes", payload, max_retries=0)
    # At first nobody knows the codec ...
    same(await old.poll_next(JobType("bytes", bytes)), None, "what poll_next gave at first")
    same((await desk.get(job_id)).reason, "decode", "why it is dead")
    # ... then somebody does.
    await new.dead.requeue(job_id)
    same(await poll_all(new, BYTES), [payload], "what runs in the end")
    same((await desk.get(job_id)).payload, payload, "the bytes that are kept")


@requirement("DEC-6.silent", level=1)
async def silent(kit: Kit) -> None:
    """No log line, error message or report shows payload content, keys in paths included."""
    queue, desk = await kit.queue(), await kit.desk()
    router = JobRouter()

    @router.job("order")
    async def order(payload: Order, job: JobContext) -> None:
        raise AssertionError

    @router.job("hostile", codec="hostile")
    async def hostile(payload: bytes, job: JobContext) -> None:
        raise AssertionError

    secret = SECRET.encode()
    size = len(secret)
    bad = {
        ("order", "json"): [
            b'{"number": 7, "lines": [], "note": "%s' % secret,
            b'{"number": "%s", "lines": []}' % secret,
            b'{"number": 7, "lines": [], "%s": 1}' % secret,
            b'{"number": 7, "lines": [], "labels": {"%s": 1}}' % secret,
            secret,
        ],
        ("order", "msgpack"): [
            b"\x82\xa6number%c%s\xa5lines\x90" % (0xA0 + size, secret),
            b"\x83\xa6number\x07\xa5lines\x90%c%s\x03" % (0xA0 + size, secret),
            secret,
        ],
        ("hostile", "hostile"): [b"ValueError " + secret, LOCATED + b" " + secret],
    }
    texts: list[str] = []
    details = 0
    with listening() as lines:
        ids: list[UUID] = []
        for (name, codec), payloads in bad.items():
            ids += [await desk.add(name, payload, codec=codec) for payload in payloads]
        for job_id in ids:
            is_order = (await desk.get(job_id)).job_type == "order"
            kind: JobType[Any] = ORDER if is_order else HOSTILE
            with raises(DecodeError, "unscheduling what can't be decoded") as caught:
                await queue.unschedule_job(job_id, kind)
            texts += [str(caught.error), repr(caught.error), str(caught.error.path)]
        with raises(EncodeError, "scheduling what can't be encoded") as refused:
            await queue.schedule(ORDER, Order(1, [Line(SECRET, SECRET)]))  # type: ignore[arg-type] # on purpose
        texts += [str(refused.error), repr(refused.error)]
        await JobRunner(queue, router).drain()
    for job_id in ids:
        view = await queue.get_job(job_id)
        same(view.reason, "decode", "why it is dead")
        assert view.error is not None, "no error was kept"
        details += SECRET in (view.error.detail or "")
        texts += [repr(view), repr(view.error), view.error.message, str(view.error.path)]
        texts += [str(view.error.traceback), repr(await desk.get(job_id))]
    for text in (*lines, *texts):
        assert SECRET not in text, "a payload's content is shown in a log line, message or report"
    assert details >= 2, "the exception's own text, stored apart, isn't there on request"


@requirement("DEC-7.codec", level=1)
async def codec_of_the_writer(kit: Kit) -> None:
    """What one codec wrote is decoded by that codec, also when the default has changed since."""
    old, new = await kit.queue(codec="msgpack"), await kit.queue(codec="json")
    first, second = [await old.schedule(ORDER, SAMPLE) for _ in range(2)]
    same((await new.get_job(first)).codec, "msgpack", "the codec that wrote it")
    same(await new.unschedule_job(first, ORDER), SAMPLE, "the payload of an unscheduled job")
    third = await new.schedule(ORDER, SAMPLE)
    same((await new.get_job(third)).codec, "json", "the codec that writes now")
    same(await poll_all(new, ORDER), [SAMPLE, SAMPLE], "the payloads that run")
    same((await new.get_job(second)).state, JobState.COMPLETED, "the state in the end")
