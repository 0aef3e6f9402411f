"""Every argument of every public call, given what it can't be: refused by name (clause ERR-2).

The calls and their arguments are read from the signatures, so that none is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from attrs import frozen

import aide_de_camp
from aide_de_camp import (
    CapabilityNotSupported,
    ConstantBackoff,
    DeadQueue,
    EncodeError,
    ExponentialBackoff,
    InvalidArgument,
    JobHandle,
    JobNotFound,
    JobProcessor,
    JobRequest,
    JobRouter,
    JobRunner,
    JobType,
    LinearBackoff,
    ManualClock,
    PluginBroken,
    PluginNotFound,
    Queue,
    Registry,
    new_job_id,
    open_queue,
    redact_url,
)

TEXT = JobType("text", str, max_retries=1)
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Processor(JobProcessor[str]):
    job_type = "processor"

    async def handle(self, payload, job):
        pass


VALUES = {
    "None": None,
    "int": 5,
    "negative": -1,
    "huge": 10**5000,
    "bool": True,
    "nan": float("nan"),
    "inf": float("inf"),
    "str": "x",
    "empty": "",
    "spaces": " a b ",
    "NUL": "a\x00\ud800b",
    "bytes": b"x",
    "no bytes": b"",
    "object": object(),
    "list": [],
    "list of int": [1],
    "list of None": [None],
    "list of list": [[]],
    "dict": {},
    "dict of int": {1: 2},
    "dict of None": {"a": None},
    "class": int,
    "instance": Processor(),
    "naive": datetime(2026, 1, 1),  # noqa: DTZ001 (that is the point)
    "timedelta": timedelta.max,
}

GOOD = {
    "requests": [JobRequest(TEXT, "x")],
    "job_id": new_job_id(),
    "handler": None,
    "processor": None,
    "plugin": None,
    "url": "memory://",
    "job": TEXT,
    "payload": "x",
    "at": NOW,
    "delay": SECOND,
    "jobs": TEXT,
    "name": "json",
    "payload_type": str,
    "step": SECOND,
    "wait": SECOND,
    "retries": 1,
    "by": 1,
    "moment": NOW,
}
"""What an argument without a default is given, unless it is its turn."""

OTHERS = {
    "job_id": JobNotFound,
    "payload": EncodeError,
    "payload_type": EncodeError,
    "transaction": CapabilityNotSupported,
    "name": PluginNotFound,
    "codec": PluginNotFound,
    "codecs": PluginNotFound,
    "url": PluginNotFound,
    "plugin": PluginBroken,
}
"""What else may come of an argument that has the right kind."""

TAKEN = {"newest_first", "jitter"}
"""Switches: whatever is given is true or false."""


@frozen
class Call:
    """A public call.

    Attributes:
        label: its name.
        signature: what says its arguments.
        make: makes it, given the arguments.
        left_out: arguments that somebody else tests.
        named: arguments that errors name otherwise.
    """

    label: str
    signature: Callable[..., Any]
    make: Callable[[dict[str, Any]], Any]
    left_out: tuple[str, ...] = ()
    named: Mapping[str, str] = MappingProxyType({})

    @property
    def arguments(self):
        return {
            name: parameter
            for name, parameter in inspect.signature(self.signature).parameters.items()
            if name != "self"
        }


async def on_queue(name, arguments):
    async with open_queue("memory://") as queue:
        await getattr(queue, name)(**arguments)


async def on_dead_queue(name, arguments):
    async with open_queue("memory://") as queue:
        await getattr(queue.dead, name)(**arguments)


async def on_handle(name, arguments):
    async with open_queue("memory://") as queue:
        await queue.schedule(TEXT, "x")
        handle = await queue.poll_next(TEXT)
        await getattr(handle, name)(**arguments)


def methods(owner, run, *left_out, arguments_left_out=()):
    """Name the coroutine methods of a class, each made by its name."""
    for name, method in inspect.getmembers(owner, inspect.iscoroutinefunction):
        if not name.startswith("_") and name not in left_out:
            yield Call(
                f"{owner.__name__}.{name}",
                method,
                lambda arguments, name=name: asyncio.run(run(name, arguments)),
                arguments_left_out,
            )


def schedules(arguments):
    async def main():
        async with open_queue("memory://") as queue:
            for act in (queue.schedule_many, queue.schedule_bulk):
                await act([JobRequest(**arguments)])

    asyncio.run(main())


def states_a_type(arguments):
    async def main():
        job_type = JobType(**arguments)
        async with open_queue("memory://") as queue:
            await queue.schedule(job_type, "x")
            await queue.poll_next(job_type)

    asyncio.run(main())


def states_a_processor(arguments):
    stated = {"job_type" if name == "name" else name: each for name, each in arguments.items()}
    payload_type = stated.pop("payload_type")
    made = types.new_class(
        "Made", (JobProcessor[payload_type],), {}, lambda body: body.update(stated)
    )
    JobRouter().add(made())


def registers(arguments):
    @JobRouter().job(**arguments)
    async def work(payload: str):
        pass


def registers_handler(handler):
    JobRouter().job("text")(handler)


def makes_a_runner(arguments):
    JobRunner(**arguments)


def a_router():
    router = JobRouter()
    router.add(Processor())
    return router


GOOD |= {"queue": open_queue("memory://"), "router": a_router()}


def called(function):
    return lambda arguments: function(**arguments)


POLICIES = (ExponentialBackoff(), LinearBackoff(SECOND), ConstantBackoff(SECOND))
PAYLOAD_TYPE = {"payload_type": "payload of job type 'json'"}

CALLS = [
    *methods(Queue, on_queue, "open", "close"),
    *methods(DeadQueue, on_dead_queue),
    *methods(JobHandle, on_handle),
    Call("open_queue", open_queue, called(open_queue)),
    Call("redact_url", redact_url, called(redact_url)),
    Call("JobRequest", JobRequest, schedules),
    Call("JobType", JobType, states_a_type, named=PAYLOAD_TYPE),
    # What a class is written with is no argument of a call.
    Call("JobProcessor", JobType, states_a_processor, ("payload_type",), {"name": "job_type"}),
    Call("JobRouter.job", JobRouter.job, registers),
    Call("JobRouter.job()", registers_handler, called(registers_handler)),
    Call("JobRouter.add", JobRouter.add, called(JobRouter().add)),
    Call("JobRunner", JobRunner, makes_a_runner),
    *(Call(type(each).__name__, type(each), called(type(each))) for each in POLICIES),
    *(Call(f"{type(each).__name__}.delay", each.delay, called(each.delay)) for each in POLICIES),
    Call("Registry", Registry.__init__, called(Registry)),
    Call("Registry.storage", Registry.storage, called(Registry().storage)),
    Call("Registry.codec", Registry.codec, called(Registry().codec)),
    Call("Registry.register", Registry.register, called(Registry().register)),
    Call("ManualClock", ManualClock, called(ManualClock)),
    Call("ManualClock.advance", ManualClock.advance, called(ManualClock().advance)),
    Call("ManualClock.set", ManualClock.set, called(ManualClock().set)),
]

CASES = [
    pytest.param(call, name, id=f"{call.label}-{name}")
    for call in CALLS
    for name in call.arguments
    if name not in call.left_out
]


@pytest.mark.parametrize(("call", "name"), CASES)
def test_a_wrong_argument_is_refused_by_its_name(call, name):
    needed = {
        each: GOOD[each]
        for each, parameter in call.arguments.items()
        if parameter.default is parameter.empty and each not in call.left_out
    }
    if call.label == "JobProcessor":
        needed["payload_type"] = str
    refused = {}
    for kind, value in VALUES.items():
        try:
            call.make(needed | {name: value})
        except InvalidArgument as error:
            refused[kind] = error.argument
        except OTHERS.get(name, ()) as error:
            refused[kind] = type(error)
        except JobNotFound:
            pass  # the job that the call is about was never scheduled
    assert "object" in refused or name in TAKEN
    assert set(refused.values()) <= {call.named.get(name, name), OTHERS.get(name)}, refused


def test_what_the_calls_are_given_is_right():
    """Else a test above might refuse another argument than its own."""
    for call in CALLS:
        if not any(each in GOOD and GOOD[each] is None for each in call.arguments):
            given = {
                each: GOOD[each]
                for each, parameter in call.arguments.items()
                if parameter.default is parameter.empty and each not in call.left_out
            }
            if call.label == "JobProcessor":
                given["payload_type"] = str
            with contextlib.suppress(JobNotFound):
                call.make(given)


NO_CALLS = {
    # what others make, and users only read or implement
    *("Backoff", "CancellationToken", "Clock", "ErrorRecord", "Event", "JobContext", "JobCounts"),
    *("JobPage", "JobView", "MoveProgress", "MoveReport", "PluginInfo", "RegisteredJob"),
    # what a handler returns: a bad one is its attempt's failure (RET-6)
    *("Cancel", "Snooze"),
    # two queues, tested where jobs are moved
    "move_jobs",
    # without an argument
    *("SystemClock", "new_job_id"),
}


def test_nothing_public_is_left_out():
    public = {
        name
        for name in aide_de_camp.__all__
        if inspect.isroutine(each := getattr(aide_de_camp, name))
        or (isinstance(each, type) and not issubclass(each, BaseException | Enum))
    }
    assert public - NO_CALLS == {call.label.partition(".")[0] for call in CALLS}
