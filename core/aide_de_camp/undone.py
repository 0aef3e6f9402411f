"""What a handler returned that is no result but work, which nobody did or waited for (RET-6)."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from concurrent.futures import Future


def undone(result: object) -> str | None:
    """Say what is wrong with a result that stands for work; None where it doesn't.

    A coroutine that never began is closed, so that Python doesn't warn of it too. Work that goes on
    somewhere, as a task's or a thread's does, is left alone: it may be somebody else's.

    Args:
        result: what a handler returned.

    Returns:
        What it is and what to do, for people to read.
    """
    name = type(result).__name__
    if inspect.isgenerator(result) or inspect.isasyncgen(result):
        return (
            f"the handler returned a {name} that never ran: make it an `async def` that awaits "
            "its work and yields nothing"
        )
    if inspect.iscoroutine(result) and inspect.getcoroutinestate(result) == inspect.CORO_CREATED:
        result.close()
    if isinstance(result, Awaitable):
        return (
            f"the handler returned a {name} that it didn't await, so that nobody knows how it "
            "ends: make it an `async def` that awaits it"
        )
    if isinstance(result, Future):
        return (
            f"the handler returned a {name} of work in a thread or process, so that nobody knows "
            "how it ends: have it wait for the future's result()"
        )
    return None
