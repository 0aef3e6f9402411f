"""Threads for sync handlers: daemons, so that one that never ends can't keep a process alive."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from attrs import frozen


@frozen
class Returned:
    """A handler returned."""

    value: Any


@frozen
class Raised:
    """A handler raised. It travels as a value: a future can't carry every exception there is."""

    error: BaseException


Ending = Returned | Raised


@frozen(eq=False)
class _Call:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    ending: asyncio.Future[Ending]


class HandlerThreads:
    """As many threads as handlers run at once, kept for the next ones."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Call | None]] = []
        self._started = 0
        self._closed = False

    async def run(self, function: Callable[..., Any], *arguments: object) -> Ending:
        """Call a function in a thread, with a copy of the present context.

        Returns:
            How it ended.
        """
        loop = asyncio.get_running_loop()
        inbox = self._idle.pop() if self._idle else self._start()
        call = _Call(function, arguments, contextvars.copy_context(), loop, loop.create_future())
        call.ending.add_done_callback(lambda _: self._rest(inbox))
        inbox.put(call)
        return await asyncio.shield(call.ending)

    def close(self) -> None:
        """Have the idle threads end, and the busy ones once they are done."""
        self._closed = True
        for inbox in self._idle:
            inbox.put(None)
        self._idle.clear()

    def _rest(self, inbox: SimpleQueue[_Call | None]) -> None:
        if self._closed:
            inbox.put(None)
        else:
            self._idle.append(inbox)

    def _start(self) -> SimpleQueue[_Call | None]:
        inbox: SimpleQueue[_Call | None] = SimpleQueue()
        self._started += 1
        threading.Thread(
            target=_serve, args=(inbox,), name=f"adc-handler-{self._started}", daemon=True
        ).start()
        return inbox


def _serve(inbox: SimpleQueue[_Call | None]) -> None:
    while (call := inbox.get()) is not None:
        try:
            ending: Ending = Returned(call.context.run(call.function, *call.arguments))
        except BaseException as error:  # noqa: BLE001 (whatever it is, it is the job's, not ours)
            ending = Raised(error)
        try:
            call.loop.call_soon_threadsafe(_hand_over, call.ending, ending)
        except RuntimeError:
            return  # the loop is closed: nobody is there to be told
        # Nothing of the job may stay alive in a thread that waits for the next.
        del call, ending


def _hand_over(future: asyncio.Future[Ending], ending: Ending) -> None:
    if not future.done():
        future.set_result(ending)
