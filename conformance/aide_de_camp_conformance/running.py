"""Running one requirement against one place, without pytest."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from enum import StrEnum
from functools import partial
from typing import Final

from attrs import field, frozen

from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import Capability, StorageOpener
from aide_de_camp_conformance.asking import HarnessBroken, Need, NotAsked
from aide_de_camp_conformance.expect import OutOfTime
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.said import clean, said
from aide_de_camp_conformance.server import Server
from aide_de_camp_conformance.watching import Begin, Hung, Step, Watch

OPENING: Final = 60.0
"""Seconds that a storage has to open, to say what it is, and to close: one that hangs must not hang
the kit."""
_CANCELS: Final = 5
"""How often a check that is over its time is cancelled before it is left to itself."""
CLOSING: Final = 10.0
"""The same for closing all that a requirement opened."""


class Outcome(StrEnum):
    """How a requirement fared."""

    PASSED = "passed"
    FAILED = "failed"
    """It doesn't hold."""
    ERROR = "error"
    """The harness gave no storage, so that nothing was found out."""
    DEVIATION = "deviation"
    """It doesn't hold, as whoever wrote the harness says beforehand, with the reason."""
    NOT_DECLARED = "not_declared"
    """It isn't asked of a storage that declares what this one does."""
    NOT_ASKED = "not_asked"
    """It can't be asked: what it needs isn't there, and the message says what."""


@frozen
class Result:
    """How one requirement fared.

    Attributes:
        error: what was raised, for FAILED and ERROR; None where it was in another process.
        seconds: how long it took.
        message: why it isn't PASSED, where there is more to say.
    """

    requirement: Requirement
    outcome: Outcome
    error: BaseException | None = field(default=None, eq=False)
    seconds: float = 0.0
    message: str | None = None

    @property
    def out_of_time(self) -> bool:
        """Whether it failed by the time that it took alone: what is slow may be right."""
        return isinstance(self.error, OutOfTime | TimeoutError)


def new_namespace() -> str:
    """Name a place that nobody has: what is found of it later is known to be the kit's."""
    return f"adc_kit_{uuid.uuid4().hex[:16]}"


def run_requirement(
    requirement: Requirement,
    harness: Harness,
    *,
    time_limit: float | None = None,
    patience: float | None = None,
    begin: Begin | None = None,
) -> Result:
    """Run one requirement in an event loop of its own.

    What hangs where it can't be cancelled is interrupted, if this is the main thread.

    Args:
        requirement: what to check.
        harness: gives a fresh place.
        time_limit: seconds; None takes the requirement's own.
        patience: seconds to wait for what should happen at once; None takes the requirement's
            own.
        begin: told of each step that may hang, as it begins; None tells nobody.

    Returns:
        How it fared; whatever is raised is in it, but for KeyboardInterrupt.
    """
    limit = requirement.time_limit if time_limit is None else time_limit
    patience = requirement.patience if patience is None else patience
    namespace = new_namespace()
    start = time.monotonic()

    def ended(
        outcome: Outcome, error: BaseException | None = None, words: str | None = None
    ) -> Result:
        words = words if error is None else said(error)
        message = None if words is None else _scrubbed(words, harness, namespace)
        return Result(requirement, outcome, error, time.monotonic() - start, message)

    with Watch(begin) as watch:
        try:
            applied = asyncio.run(
                _run(requirement, harness, namespace, limit, patience, watch=watch)
            )
            found = ended(Outcome.PASSED if applied else Outcome.NOT_DECLARED)
        except HarnessBroken as error:
            found = ended(Outcome.ERROR, error.__cause__)
        except NotAsked as reason:
            # Only what says beforehand that it needs something may be left unasked.
            if requirement.needs is None:
                found = ended(Outcome.FAILED, reason)
            else:
                found = ended(Outcome.NOT_ASKED, words=clean(str(reason)))
        except Hung as error:
            found = ended(Outcome.FAILED, AssertionError(str(_first(error))))
        except KeyboardInterrupt:
            _remove(harness, namespace, watch)
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it is, SystemExit too, it is the answer)
            found = ended(Outcome.FAILED, error)
        hung = _remove(harness, namespace, watch)
    return found if hung is None or found.error else ended(Outcome.FAILED, hung)


def _first(error: Hung) -> Hung:
    """Give what hung first: as that is let go of, more may hang."""
    while isinstance(error.__context__, Hung):
        error = error.__context__
    return error


def _remove(harness: Harness, namespace: str, watch: Watch) -> AssertionError | None:
    watch.begin(Step("removing its place", OPENING, namespace))
    try:
        harness.remove(namespace)
    except Hung as error:
        return AssertionError(str(error))
    return None


def _scrubbed(words: str, harness: Harness, namespace: str) -> str:
    """Take a URL's password out of what a driver said, so that a report can be shown."""
    try:
        url = harness.url(namespace)
    except Exception:  # noqa: BLE001 (a harness that gives none has none in its words)
        return words
    return words if url is None else scrub(words, url)


async def _run(
    requirement: Requirement,
    harness: Harness,
    namespace: str,
    limit: float,
    patience: float,
    *,
    watch: Watch,
) -> bool:
    # Tasks that a failing requirement leaves behind have nothing to tell.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    watch.begin(Step("opening the storage", OPENING, namespace))
    try:
        opener = harness.opener(namespace)
        url = harness.url(namespace)
    except Exception as error:
        raise HarnessBroken from error
    needed = requirement.capability or requirement.unless
    if needed is not None and not requirement.applies(await _capabilities(opener)):
        return False
    server = _server(harness, namespace) if requirement.needs is Need.SERVER else None
    watch.begin(Step("it", limit, namespace))
    stack = AsyncExitStack()
    try:
        begin = partial(harness.transaction, namespace)
        kit = Kit(opener, url, stack, patience=patience, transaction=begin, server=server)
        await _within(limit, requirement.check(kit))
    finally:
        watch.begin(Step("closing what it opened", CLOSING, namespace))
        # One that was interrupted may come here when it is collected: there is no loop any more.
        if not watch.is_over:
            await _close(stack)
    return True


async def _within(limit: float, check: Awaitable[None]) -> None:
    """Await a check for so many seconds.

    A queue that it has open may hang as it is closed, too: it is cancelled until it ends.
    """
    task = asyncio.ensure_future(check)
    try:
        if (await asyncio.wait([task], timeout=limit))[0]:
            return await task
        for _ in range(_CANCELS):
            task.cancel()
            if (await asyncio.wait([task], timeout=CLOSING))[0]:
                break
    finally:
        task.cancel()
    if task.done() and not task.cancelled():
        # Whatever it raised as it was let go of: it was too late.
        task.exception()
    raise OutOfTime(f"it took more than {limit:g} s")


async def _capabilities(opener: StorageOpener) -> frozenset[Capability]:
    try:
        async with asyncio.timeout(OPENING):
            storage = opener()
            await storage.open()
            declared = storage.capabilities
            await storage.close()
    except Exception as error:
        raise HarnessBroken from error
    return declared


def _server(harness: Harness, namespace: str) -> Server:
    try:
        return harness.server(namespace)
    except NotAsked:
        raise
    except Exception as error:
        raise HarnessBroken from error


async def _close(stack: AsyncExitStack) -> None:
    """Close what the requirement opened; failing at that is no answer to what was asked."""
    try:
        async with asyncio.timeout(CLOSING):
            await stack.aclose()
    except Exception as error:  # noqa: BLE001 (as above; it is told, and that is all)
        logging.getLogger("aide_de_camp.conformance").warning(
            "closing after a requirement failed: %s", type(error).__name__
        )
