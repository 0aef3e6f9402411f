"""MOV-3: what an interrupted move has left is not for moves with third places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aide_de_camp import JobState, Queue, QueueMisused, move_jobs, open_queue, session
from aide_de_camp.cli import main
from aide_de_camp.earlier import Earlier, left_by_earlier
from aide_de_camp.spi import StorageUnavailable

from ..calls import Calls


@asynccontextmanager
async def three(calls: Calls) -> AsyncIterator[list[Queue]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_queue("memory://", name=calls.queue))
            for _ in range(3)
        ]


async def interrupt(
    source: Queue, target: Queue, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have a move end at the first call of a verb at its target."""

    async def failing(*arguments: Any, **named: Any) -> Any:
        raise StorageUnavailable("it is gone", outcome_unknown=False)

    with monkeypatch.context() as patch:
        patch.setattr(session, "_PAUSES", ())
        patch.setattr(target.storage, verb, failing)
        with pytest.raises(StorageUnavailable):
            await move_jobs(source, target)


async def jobs_in(queue: Queue) -> list[JobState]:
    return [job.state for job in (await queue.list_jobs()).jobs]


@pytest.mark.parametrize("verb", ["get", "unhold"])
@pytest.mark.parametrize("way", [(0, 2), (2, 1), (1, 2), (2, 0)], ids=str)
def test_it_is_refused_and_changes_nothing(
    verb: str, way: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the source has forgotten the jobs, and after."""
    calls = Calls()

    async def scenario() -> None:
        async with three(calls) as queues:
            await calls.put(queues[0].storage, calls.job(), calls.job())
            await interrupt(queues[0], queues[1], verb, monkeypatch)
            before = [await jobs_in(queue) for queue in queues]
            assert [JobState.HELD] * 2 in [states[:2] for states in before]
            source, target = way
            with pytest.raises(QueueMisused, match="isn't finished"):
                await move_jobs(queues[source], queues[target])
            assert [await jobs_in(queue) for queue in queues] == before
            await move_jobs(*queues[:2])
            assert [await jobs_in(queue) for queue in queues] == [
                [],
                [JobState.SCHEDULED] * 2,
                [],
            ]
            await move_jobs(queues[source], queues[target])
            last = [state for queue in queues for state in await jobs_in(queue)]
            assert last == [JobState.SCHEDULED] * 2

    asyncio.run(scenario())


@pytest.mark.parametrize("verb", ["get", "unhold"])
def test_it_is_finished_before_it_is_moved_back(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be alive: two moves that hold jobs against each other could lose them."""
    calls = Calls()

    async def scenario() -> None:
        async with three(calls) as (one, two, _):
            await calls.put(one.storage, calls.job(), calls.job())
            await interrupt(one, two, verb, monkeypatch)
            with pytest.raises(QueueMisused, match="the same way between the same two"):
                await move_jobs(two, one)
            await move_jobs(one, two)
            await move_jobs(two, one)
            assert [await jobs_in(queue) for queue in (one, two)] == [[JobState.SCHEDULED] * 2, []]

    asyncio.run(scenario())


def test_the_other_place_may_be_gone_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()

    async def scenario() -> None:
        async with three(calls) as queues:
            one, gone, other = queues
            await calls.put(one.storage, calls.job(), calls.job())
            await interrupt(one, gone, "get", monkeypatch)
            with pytest.raises(QueueMisused, match="--forget-earlier"):
                await move_jobs(one, other)
            report = await move_jobs(one, other, forget_earlier=True)
            assert (report.moved, await jobs_in(one)) == (2, [])
            assert await jobs_in(other) == [JobState.SCHEDULED] * 2

    asyncio.run(scenario())


@pytest.mark.parametrize(("verb", "held"), [("get", (2, 2)), ("unhold", (0, 2))])
def test_what_would_be_forgotten_is_counted(
    verb: str, held: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before the source has forgotten the jobs, and after."""
    calls = Calls()

    async def scenario() -> None:
        async with three(calls) as (one, two, other):
            assert not await left_by_earlier(one, two)
            await calls.put(one.storage, calls.job(), calls.job())
            await interrupt(one, two, verb, monkeypatch)
            assert await left_by_earlier(one, two) == Earlier(1, *held)
            assert await left_by_earlier(other, one) == Earlier(1, 0, held[0])
            await move_jobs(one, two)
            assert not await left_by_earlier(one, two)

    asyncio.run(scenario())


def test_the_command_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two", "three")]

    async def interrupted() -> None:
        async with AsyncExitStack() as stack:
            one, two = [
                await stack.enter_async_context(open_queue(url, name=calls.queue))
                for url in urls[:2]
            ]
            await calls.put(one.storage, calls.job())
            await interrupt(one, two, "get", monkeypatch)

    asyncio.run(interrupted())
    arguments = ["move", urls[0], urls[2], "--name", calls.queue]
    way = f"from queue {calls.queue!r} of {urls[0]} to queue {calls.queue!r} of {urls[2]}"
    refused = CliRunner().invoke(main, arguments)
    assert (refused.exit_code, "--forget-earlier" in refused.stderr) == (1, True)
    assert f"moving {way}: another move, of jobs out of the source" in refused.stderr
    unasked = CliRunner().invoke(main, [*arguments, "--forget-earlier"])
    assert unasked.exit_code == 1
    assert "--yes" in unasked.stderr
    assert f"Forget 1 interrupted move, with 1 job held at queue {calls.queue!r}" in unasked.stderr
    assert "and 0 jobs held at" in unasked.stderr
    again = CliRunner().invoke(main, arguments)
    assert (again.exit_code, again.stderr) == (1, refused.stderr)
    done = CliRunner().invoke(main, [*arguments, "--forget-earlier", "--yes"])
    assert (done.exit_code, f"1 job moved {way}" in done.output) == (0, True), done.output
    nothing = CliRunner().invoke(main, [*arguments, "--forget-earlier"])
    assert (nothing.exit_code, "0 jobs moved" in nothing.output) == (0, True), nothing.output
