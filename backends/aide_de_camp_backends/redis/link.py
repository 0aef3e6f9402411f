"""Every call to the servers: on a connection of its own, within a bounded time, translated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast
from uuid import UUID

from attrs import define
from redis.exceptions import AskError, MovedError, NoScriptError

from aide_de_camp.spi import AideDeCampError, QueueMisused
from aide_de_camp_backends.redis.cluster import ClusterPlace
from aide_de_camp_backends.redis.failures import DRIVER_ERRORS, code_of, is_answer, translate
from aide_de_camp_backends.redis.keys import QueueKeys
from aide_de_camp_backends.redis.line import Line, Word
from aide_de_camp_backends.redis.node import Node
from aide_de_camp_backends.redis.options import Kind, Options
from aide_de_camp_backends.redis.places import Place, SentinelPlace, SinglePlace
from aide_de_camp_backends.redis.scripts import Script

Exchange = Callable[[Line], Awaitable[Any]]

_ATTEMPTS: Final = 5
_PAUSE: Final = 0.05
_ELSEWHERE: Final = frozenset({"READONLY", "TRYAGAIN"})
"""Answers that another try may mend soon: nothing was changed."""


def make_place(options: Options) -> Place:
    """Make what finds the servers."""
    if options.kind is Kind.CLUSTER:
        return ClusterPlace(options)
    if options.kind is Kind.SENTINEL:
        return SentinelPlace(options)
    return SinglePlace(options)


class Link:
    """The way to the servers. The only repeats are of calls that were refused or never sent."""

    def __init__(self, options: Options) -> None:
        self.place = make_place(options)
        self._options = options
        self._process = os.getpid()

    @property
    def forked(self) -> bool:
        """True in a child of the process that made this."""
        return os.getpid() != self._process

    def check_process(self) -> None:
        """Refuse to share the parent's connections.

        Raises:
            QueueMisused: this is a forked child.
        """
        if self.forked:
            raise QueueMisused(
                "the queue was opened before a fork: its connections are the parent's; open "
                "another queue in the child"
            )

    async def close(self) -> None:
        """Close every connection; in a forked child leave them to the parent."""
        if not self.forked:
            await self.place.close()

    async def run(
        self,
        script: Script,
        keys: QueueKeys,
        arguments: Sequence[Word],
        *,
        job_ids: Sequence[UUID] = (),
    ) -> Any:
        """Run a script.

        Raises:
            AideDeCampError: it didn't work, or may not have.
        """
        words = (len(keys.all), *keys.all, *arguments)

        async def exchange(line: Line) -> Any:
            try:
                return await line.ask("EVALSHA", script.digest, *words)
            except NoScriptError:
                # A server that was restarted, flushed or promoted: the text itself loads it.
                return await line.ask("EVAL", script.text, *words)

        return await self._do(keys.tag, exchange, writes=script.writes, job_ids=job_ids)

    async def command(
        self, tag: str, *words: Word, writes: bool = False, job_ids: Sequence[UUID] = ()
    ) -> Any:
        """Send one command to the server that has a hash tag's keys.

        Raises:
            AideDeCampError: it didn't work, or may not have.
        """
        return await self._do(tag, lambda line: line.ask(*words), writes=writes, job_ids=job_ids)

    async def at(self, node: Node, *words: Word) -> Any:
        """Send one command that changes nothing to one server.

        Raises:
            AideDeCampError: it didn't work.
        """
        try:
            line = await node.take()
            try:
                async with asyncio.timeout(self._options.timeout):
                    return await line.ask(*words)
            finally:
                node.give_back(line)
        except AideDeCampError:
            raise
        except DRIVER_ERRORS as error:
            raise translate(error, str(node), unknown=False) from error

    async def _do(
        self, tag: str, exchange: Exchange, *, writes: bool, job_ids: Sequence[UUID] = ()
    ) -> Any:
        self.check_process()
        attempt = _Attempt(1)
        while True:
            try:
                return await self._once(attempt, tag, exchange)
            except AideDeCampError as error:
                told = translate(error, str(attempt.node), unknown=False, job_ids=job_ids)
                if told is error:
                    raise
                raise told from error
            except DRIVER_ERRORS as error:
                following = await self._after(attempt, error)
                if following is None:
                    unknown = writes and attempt.sent and not is_answer(error)
                    where = str(attempt.node)
                    raise translate(error, where, unknown=unknown, job_ids=job_ids) from error
                attempt = following

    async def _once(self, attempt: _Attempt, tag: str, exchange: Exchange) -> Any:
        if attempt.node is None:
            attempt.node = await self.place.node(tag)
        line = await attempt.node.take()
        try:
            async with asyncio.timeout(self._options.timeout):
                if attempt.asking:
                    await line.ask("ASKING")
                attempt.sent = True
                return await exchange(line)
        finally:
            attempt.node.give_back(line)

    async def _after(self, attempt: _Attempt, error: Exception) -> _Attempt | None:
        """Decide on another attempt: only where nothing was changed by this one."""
        number = attempt.number + 1
        if isinstance(error, AskError):
            asking = not isinstance(error, MovedError)
            self.place.doubt(None if asking else attempt.node)
            return self._redirected(error, attempt, asking=asking)
        self.place.doubt(attempt.node)
        if number > _ATTEMPTS:
            return None
        if code_of(error) in _ELSEWHERE:
            await asyncio.sleep(_PAUSE * attempt.number)
            return _Attempt(number)
        if attempt.number == 1 and not attempt.sent and not self.place.fixed:
            return _Attempt(number)  # a server that is gone: another may have its place by now
        return None

    def _redirected(self, error: AskError, attempt: _Attempt, *, asking: bool) -> _Attempt | None:
        if attempt.node is None or attempt.number >= _ATTEMPTS:
            return None
        said = cast("Any", error)
        host: str = said.host or attempt.node.address[0]
        node = self.place.at((host, int(said.port)))
        return _Attempt(attempt.number + 1, node=node, asking=asking)


@define
class _Attempt:
    """One attempt at a call.

    Attributes:
        number: counts from 1.
        node: the server; None until it is known.
        asking: whether the server must be told that it was named by another.
        sent: whether the call itself may have been sent.
    """

    number: int
    node: Node | None = None
    asking: bool = False
    sent: bool = False
