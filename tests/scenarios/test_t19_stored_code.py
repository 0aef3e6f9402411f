"""Peers' reports about code in stored bytes, and about names and arguments that are data.

Left out: P136, which is about documents.
"""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest

from aide_de_camp import (
    DecodeError,
    EncodeError,
    InvalidArgument,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    new_job_id,
    open_queue,
)

from .conftest import Run
from .support import AT_ONCE, ORDER, Order, all_jobs, keeping, shared, state_of, store_raw, take

# --- P135: code in stored bytes ------------------------------------------------------------------


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return (open, (str(self._marker), "w"))


@pytest.mark.parametrize(
    "codec",
    ["pickle", "json", "msgpack", "pydantic", "os:system", "../pickle", "PICKLE", "builtins"],
)
def test_p135_stored_bytes_run_no_code_and_load_no_codec(
    queue_url: str, run: Run, tmp_path: Path, codec: str
) -> None:
    """DEC-4: a codec's name found in the storage selects among the enabled ones, or is refused."""
    marker = tmp_path / "marker"

    async def scenario() -> None:
        seen: list[Order] = []
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            bomb = pickle.dumps(Bomb(marker))
            job_id = await store_raw(queue, bomb, codec=codec)
            with pytest.raises(DecodeError):
                await queue.unschedule_job(job_id, ORDER)
            await JobRunner(queue, keeping(seen)).drain()
            assert [job.id for job in await all_jobs(queue)] == [job_id]
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.payload) == (JobState.DEAD, "decode", bomb)
            await queue.dead.requeue(job_id)
            assert await queue.poll_next(ORDER) is None
            assert await state_of(queue, job_id) is JobState.DEAD
            assert seen == []

    run(scenario())
    assert not marker.exists()


# --- P137: names that are data -------------------------------------------------------------------

NASTY = [
    "'; DROP TABLE adc_job; --",
    '"',
    "%",
    "_",
    "$1",
    ":name",
    "?",
    "{}",
    "{0.__class__}",
    "%s%n",
    "*",
    "a:b:*",
    "../../x",
    "\\",
    "x" * 128,
    "名前",
    "\U0001f600" * 128,
]
REFUSED = ["", " ", "a ", " a", "x" * 129, "a\nb", "\x00", "a\x00", "\ud800", "\u200f", "\t"]


def test_p137_names_are_data_or_refused(queue_url: str, run: Run) -> None:
    """ERR-2: queue names, job types, reasons, workers and codecs, in every verb that takes one."""
    url = shared(queue_url)

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(url, name="bystander", clock=clock) as bystander:
            kept = await bystander.schedule(ORDER, Order(1))
            before = await bystander.get_job(kept)
            for name in NASTY:
                job = JobType(name, Order)
                router = JobRouter()

                @router.job(name)
                async def handler(payload: Order) -> None:
                    raise AssertionError

                async with open_queue(url, name=name, clock=clock) as queue:
                    first, second = [await queue.schedule(job, Order(i)) for i in range(2)]
                    handle = await queue.poll_next(job)
                    assert handle is not None
                    assert handle.id == first
                    await handle.dead_queue(reason=name)
                    assert await queue.dead.count(reasons=[name], job_types=[name]) == 1
                    assert await queue.dead.count(reasons=["x"]) == 0
                    page = await queue.list_jobs(job_types=[name], reasons=[name])
                    assert [each.id for each in page.jobs] == [first]
                    assert await queue.dead.requeue_all(reasons=[name]) == 1
                    assert await queue.cancel_job(second) is True
                    strange = await store_raw(queue, b"{}", codec=name, job_type=name)
                    await JobRunner(queue, router, worker=name, concurrency=1).drain()
                    dead = await queue.get_job(strange)
                    assert (dead.state, dead.codec, dead.worker) == (JobState.DEAD, name, name)
                    assert await queue.dead.delete_all(job_types=[name], reasons=["decode"]) == 1
                    assert (await queue.count_jobs()).total == 2
                    assert name in await queue.storage.queues()
                assert await bystander.get_job(kept) == before
            assert (await bystander.count_jobs()).total == 1

    run(scenario())


@pytest.mark.parametrize("name", REFUSED)
def test_p137_names_that_are_refused_store_nothing(queue_url: str, run: Run, name: str) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidArgument):
            open_queue(queue_url, name=name)
        with pytest.raises(InvalidArgument):
            JobType(name, Order)
        with pytest.raises(InvalidArgument):
            JobRouter().job(name)(_handler)
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            job_id = await queue.schedule(ORDER, Order(1))
            for call in (
                lambda: queue.list_jobs(job_types=[name]),
                lambda: queue.count_jobs(job_types=[name]),
                lambda: queue.dead.list(job_types=[name]),
                lambda: queue.dead.requeue_all(job_types=[name]),
                lambda: queue.list_jobs(cursor=name),
            ):
                with pytest.raises(InvalidArgument):
                    await call()
            # A reason is no name: a handler's own may be any string, and none that isn't there.
            assert await queue.dead.delete_all(reasons=[name]) == 0
            assert [job.id for job in await all_jobs(queue)] == [job_id]

    run(scenario())


async def _handler(payload: Order) -> None:
    raise AssertionError(payload)


# --- ERR-2: arguments that are no arguments ------------------------------------------------------


def test_bad_arguments_are_named_and_store_nothing(queue_url: str, run: Run) -> None:
    """ERR-2: the kind of P24, for every argument of scheduling that isn't the payload."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            bad: list[tuple[str, dict[str, Any]]] = [
                ("priority", {"priority": value})
                for value in (128, -129, True, 1.0, "1", None, 10**30, float("nan"))
            ]
            bad += [("job_id", {"job_id": value}) for value in ("x", 1, str(new_job_id()), b"")]
            bad += [("max_retries", {"max_retries": v}) for v in (-1, True, 1.0, "1", 10**30)]
            for argument, given in bad:
                for call in (
                    lambda given=given: queue.schedule(ORDER, Order(1), **given),
                    lambda given=given: queue.schedule_in(ORDER, Order(1), timedelta(0), **given),
                    lambda given=given: queue.schedule_many(
                        [JobRequest(ORDER, Order(0)), JobRequest(ORDER, Order(1), **given)]
                    ),
                    lambda given=given: queue.schedule_bulk(
                        [JobRequest(ORDER, Order(0)), JobRequest(ORDER, Order(1), **given)]
                    ),
                ):
                    with pytest.raises(InvalidArgument) as raised:
                        await call()
                    assert raised.value.argument == argument, given
            for bulk in (queue.schedule_many, queue.schedule_bulk):
                for item in (None, "x", ORDER, (ORDER, Order(1))):
                    items: Any = [JobRequest(ORDER, Order(0)), item]
                    with pytest.raises(InvalidArgument) as raised:
                        await bulk(items)
                    assert raised.value.argument == "requests"
            looks: list[tuple[str, Any]] = [("states", 5), ("states", "dead"), ("states", [5])]
            looks += [("job_types", 5), ("job_types", "order"), ("job_types", [None])]
            for argument, given_look in looks:
                for look in (queue.list_jobs, queue.count_jobs):
                    with pytest.raises(InvalidArgument) as raised:
                        await look(**{argument: given_look})
                    assert raised.value.argument == argument, given_look
            strangers: list[Any] = [None, "order", Order, Order(1), _handler]
            for stranger in strangers:
                with pytest.raises(InvalidArgument) as raised:
                    await queue.schedule(stranger, Order(1))
                assert raised.value.argument == "job"
            assert (await queue.count_jobs()).total == 0

    run(scenario())


def test_a_bad_reason_leaves_the_attempt_open(queue_url: str, run: Run) -> None:
    """ERR-2: what a handle refuses is not the first chosen end (LIV-1)."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await queue.schedule(ORDER, Order(1))
            handle = await take(queue)
            wrong: list[Any] = [None, 5, b"x", ["x"]]
            for reason in wrong:
                with pytest.raises(InvalidArgument) as raised:
                    await handle.dead_queue(reason=reason)
                assert raised.value.argument == "reason"
            await handle.complete()
            assert await state_of(queue, handle.id) is JobState.COMPLETED

    run(scenario())


def test_a_type_form_that_has_no_hash_can_be_a_payload(queue_url: str, run: Run) -> None:
    """ERR-1: Annotated with a list, say."""
    form: Any = Annotated[int, ["no", "hash"]]
    job: JobType[int] = JobType("annotated", form)

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            assert await queue.unschedule_job(await queue.schedule(job, 5), job) == 5
            await queue.schedule(job, 6)
            handle = await queue.poll_next(job)
            assert handle is not None
            assert handle.payload == 6

    run(scenario())


def test_a_payload_of_another_class_is_refused(queue_url: str, run: Run) -> None:
    """ENQ-3: a lookalike, a subclass with more in it, None, a dict of the same fields."""

    @attrs.frozen
    class More(Order):
        more: int = 0

    @attrs.frozen
    class Lookalike:
        number: int
        note: str = ""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            wrong: list[Any] = [More(1), Lookalike(1), None, {"number": 1}, Order, [1], b"{}"]
            for payload in wrong:
                with pytest.raises(EncodeError) as raised:
                    await queue.schedule(ORDER, payload)
                assert raised.value.path.startswith("$")
            assert (await queue.count_jobs()).total == 0

    run(scenario())


def test_a_handler_sees_its_own_copy_of_the_payload(queue_url: str, run: Run) -> None:
    """What a handler or a producer does to a payload doesn't reach the next attempt."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[list[int]]()

        @router.job("list", max_retries=2, backoff=AT_ONCE)
        async def handler(payload: list[int], job: JobContext) -> None:
            seen.append(list(payload))
            payload.append(job.retries)
            if job.retries < 2:
                raise RuntimeError

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            sent = [1]
            await queue.schedule(handler, sent)
            sent.append(2)
            await JobRunner(queue, router).drain()
        assert seen == [[1]] * 3

    run(scenario())
