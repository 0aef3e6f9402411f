"""DEC-6: no message shows what a payload holds."""

from __future__ import annotations

import logging
from typing import Any

from aide_de_camp import JobType, Queue
from aide_de_camp.spi import BoundCodec, DecodeError, EncodeError
from aide_de_camp_conformance.codec_suite.canaries import CANARY, Secretive, clean
from aide_de_camp_conformance.codec_suite.hostile import damaged
from aide_de_camp_conformance.codec_suite.kinds import ORDER
from aide_de_camp_conformance.codec_suite.kit import SAMPLE, CodecKit
from aide_de_camp_conformance.codec_suite.records import REQUIRED, Fields
from aide_de_camp_conformance.codec_suite.requirement import codec_requirement
from aide_de_camp_conformance.listening import listening

_SECRET = {**SAMPLE, "note": CANARY}
_OTHERS: dict[str, tuple[Fields, dict[str, Any]]] = {
    "a wrong type": ({**ORDER, "number": (str, REQUIRED)}, {**_SECRET, "number": CANARY}),
    "a list": ({**ORDER, "number": (list[str], REQUIRED)}, {**_SECRET, "number": [CANARY]}),
    "a key": ({**ORDER, "number": (dict[str, int], REQUIRED)}, {**_SECRET, "number": {CANARY: 1}}),
    "an unknown field": ({**ORDER, CANARY: (int, 1)}, {**_SECRET, CANARY: 4}),
    "a missing field": ({"note": (str, REQUIRED)}, {"note": CANARY}),
    "text for a float": ({**ORDER, "price": (str, CANARY)}, {**_SECRET, "price": CANARY}),
}


@codec_requirement("DEC-6.decoding")
def decoding(kit: CodecKit) -> None:
    """No DecodeError shows a part of the payload, in message, path, repr or traceback."""
    for what, make in kit.records.items():
        now = make("Order", ORDER)
        ready = kit.codec.bind(now)
        data = ready.encode(now(**_SECRET))
        cuts = [(f"cut to {end} bytes", data[:end]) for end in range(len(data))]
        # A payload that is whole and one that is damaged: both are content.
        for how, bad in (*cuts, *damaged(data), ("more behind it", data + data)):
            _examine(_answer(ready, bad), f"{what} with {how}")
        for how, (fields, values) in _OTHERS.items():
            other = make("Order", fields)
            written = kit.codec.bind(other).encode(other(**values))
            _examine(_answer(ready, written), f"{what} with {how}")
        for bad in (CANARY.encode(), b'"%s"' % CANARY.encode(), b'{"%s":1}' % CANARY.encode()):
            _examine(_answer(ready, bad), f"a canary as {what}")


def _answer(ready: BoundCodec[Any], data: bytes) -> Any:
    """Decode; what may be raised but DecodeError, others ask."""
    try:
        return ready.decode(data)
    except Exception as error:  # noqa: BLE001 (as said)
        return error


def _examine(answer: Any, what: str) -> None:
    if isinstance(answer, DecodeError):
        clean(answer, f"the error of {what}")
        assert len(str(answer)) > 10, f"the error of {what} says too little: {answer}"


@codec_requirement("DEC-6.encoding")
def encoding(kit: CodecKit) -> None:
    """No EncodeError shows a part of the payload, in message, path, repr or traceback."""
    for what, make in kit.records.items():
        part = make("Part", {"note": (Any, REQUIRED), "odd": (Any, REQUIRED)})
        ready = kit.bound(part)
        if ready is None:
            continue
        for odd in (Secretive(), {CANARY: Secretive()}, [CANARY, Secretive()], f"{CANARY}\ud800"):
            answer = kit.written(ready, part(note=CANARY, odd=odd), f"{what} that is no data")
            if isinstance(answer, EncodeError):
                clean(answer, f"the error of {what} that can't be encoded")


@codec_requirement("DEC-6.logs")
def logs(kit: CodecKit) -> None:
    """No log line shows a part of the payload, neither the codec's own nor the queue's."""

    async def work(writer: Queue, reader: Queue, job: JobType[Any]) -> None:
        bad = await writer.schedule(other_job, other(**values))
        good = await writer.schedule(job, now(**_SECRET))
        while (handle := await reader.poll_next(job)) is not None:
            await handle.complete()
        views = [await reader.get_job(bad), await reader.get_job(good)]
        lines.extend(map(repr, views))

    fields, values = _OTHERS["a wrong type"]
    for what, make in kit.records.items():
        now, other = make("Order", ORDER), make("Order", fields)
        other_job = JobType("payload", other)
        root = logging.getLogger().name
        with listening(root) as lines:
            kit.through_queues(now, work)
            ready = kit.codec.bind(now)
            data = ready.encode(now(**_SECRET))
            for bad in (data[:-1], data[1:], CANARY.encode()):
                _answer(ready, bad)
        for line in lines:
            assert CANARY not in line, f"a payload of kind {what} is shown in a log line"
