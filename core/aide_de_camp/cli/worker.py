"""``adc worker``: run the jobs of a user's router."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from textwrap import shorten
from typing import Final

import click

from aide_de_camp.cli.failures import INTERRUPTED
from aide_de_camp.cli.leaving import leave_now, leave_soon
from aide_de_camp.cli.loading import load_router
from aide_de_camp.cli.looking import refuse_private
from aide_de_camp.cli.loops import AUTO, LOOPS, run_on
from aide_de_camp.cli.options import Duration, queue_options
from aide_de_camp.cli.text import counted, short
from aide_de_camp.logs import JsonFormatter, TextFormatter, log_to_stderr
from aide_de_camp.opening import DEFAULT_CODECS, DEFAULT_KEEP_FINISHED, open_queue
from aide_de_camp.plugins import redact_url
from aide_de_camp.plugins.urls import scrub
from aide_de_camp.queue import DEFAULT_LEASE, Queue
from aide_de_camp.router import JobRouter
from aide_de_camp.runner import JobRunner
from aide_de_camp.runner.signals import stop_signals
from aide_de_camp.runner.telling import Sparingly
from aide_de_camp.spi import JobState, StorageUnavailable

_log = logging.getLogger("aide_de_camp.worker")

# The mark keeps click from making one paragraph of it.
_EXIT_CODES: Final = """\b
Ends with
  0    after a graceful stop, or once --burst has run what was due
  1    on an error: the router can't be imported, the storage can't be used
  2    if it was called wrongly
  130  if it was interrupted before it worked, or forced by a second signal
"""
_LEVELS: Final = ("debug", "info", "warning", "error")
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0
_SAY_EVERY_S: Final = 30.0
_MOST_SHOWN: Final = 500
_CLOSE_S: Final = 2.0
"""Seconds that a storage has to close after a forced stop."""


class _Runner(JobRunner):
    """A runner that knows whether it was forced to stop."""

    forced = False

    def kill(self) -> None:
        self.forced = True
        super().kill()


@click.command(epilog=_EXIT_CODES)
@click.argument("router_name", metavar="MODULE:ROUTER")
@queue_options
@click.option(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=10,
    show_default=True,
    help="How many handlers run at once.",
)
@click.option(
    "--prefetch",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="How many jobs to claim beyond those: quicker with short ones, but as many wait here, "
    "and may be overtaken by others of higher priority.",
)
@click.option(
    "--lease",
    type=Duration(),
    default=short(DEFAULT_LEASE),
    show_default=True,
    help="How long jobs stay this worker's without a heartbeat: after a crash they come back.",
)
@click.option(
    "--poll-interval",
    type=Duration(),
    default="5s",
    show_default=True,
    help="How long to sleep at most where nothing wakes it sooner.",
)
@click.option(
    "--shutdown-timeout",
    type=Duration(),
    default="30s",
    show_default=True,
    help="How long handlers may go on after the first signal.",
)
@click.option(
    "--keep-finished",
    type=Duration(),
    default=short(DEFAULT_KEEP_FINISHED),
    show_default=True,
    help="How long completed and cancelled jobs are kept.",
)
@click.option(
    "--codec",
    default=DEFAULT_CODECS[0],
    show_default=True,
    help="The codec of job types that name none.",
)
@click.option(
    "--loop",
    type=click.Choice(LOOPS),
    default=AUTO,
    show_default=True,
    help="The event loop: auto is uvloop where that is installed, otherwise asyncio's own.",
)
@click.option("--burst", is_flag=True, help="Run what is due, then end.")
@click.option("--wait", is_flag=True, help="If the storage is down at first, wait for it.")
@click.option(
    "--log-level",
    type=click.Choice(_LEVELS),
    default="info",
    show_default=True,
    help="What to log of Aide-De-Camp and of your package.",
)
@click.option(
    "--log-errors",
    is_flag=True,
    help="Log what exceptions say, with tracebacks: these may quote payloads.",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to log, on stderr.",
)
def worker(
    *,
    router_name: str,
    url: str,
    name: str,
    concurrency: int,
    prefetch: int,
    lease: timedelta,
    poll_interval: timedelta,
    shutdown_timeout: timedelta,
    keep_finished: timedelta,
    codec: str,
    loop: str,
    burst: bool,
    wait: bool,
    log_level: str,
    log_errors: bool,
    log_format: str,
) -> None:
    """Run the jobs of a router, such as app.jobs:router, until it is told to stop.

    The current folder is importable. On the first SIGINT or SIGTERM nothing more is claimed and
    running handlers may finish; on the second they are cancelled and their jobs given back, and
    the process ends, whatever a handler still does.

    A storage that is down at the start ends it, unless --wait is given; one that goes down later
    doesn't: the worker goes on once it is back.
    """
    package = router_name.partition(":")[0].partition(".")[0]
    log_to_stderr(
        logging.getLevelNamesMapping()[log_level.upper()],
        JsonFormatter() if log_format == "json" else TextFormatter(),
        ("aide_de_camp", package),
    )
    router = load_router(router_name)

    def make_queue() -> Queue:
        named = [each.job_type.codec for each in router.routes.values() if each.job_type.codec]
        return open_queue(
            url,
            name=name,
            codec=codec,
            codecs=(*DEFAULT_CODECS, *named),
            keep_finished=keep_finished,
        )

    async def work() -> None:
        async with _opened(make_queue(), url, wait=wait) as queue:
            refuse_private(queue, url)
            runner = _Runner(
                queue,
                router,
                concurrency=concurrency,
                prefetch=prefetch,
                lease=lease,
                poll_interval=poll_interval,
                shutdown_timeout=shutdown_timeout,
                log_errors=log_errors,
            )
            _greet(url, queue, router)
            await _warn_of_strangers(queue, router)
            code = 1
            try:
                await _run(runner, burst=burst)
                code = 0
            finally:
                # Neither the loop nor the interpreter ends before the last handler.
                if runner.forced:
                    await _close_promptly(queue)
                    leave_now(INTERRUPTED, runner.left_behind)
                if runner.interrupted:
                    leave_soon(code, runner.left_behind)

    run_on(loop, work())


async def _run(runner: JobRunner, *, burst: bool) -> None:
    if not burst:
        await runner.run(install_signal_handlers=True)
        return
    with stop_signals(runner.shutdown, runner.kill):
        attempts = await runner.drain()
    _log.info("nothing more is due of these types: %s", counted(attempts, "attempt"))


async def _close_promptly(queue: Queue) -> None:
    closing = asyncio.create_task(queue.close())
    await asyncio.wait([closing], timeout=_CLOSE_S)
    if not closing.done() or closing.cancelled() or closing.exception() is not None:
        _log.warning("the storage could not be closed in time")


def _greet(url: str, queue: Queue, router: JobRouter) -> None:
    _log.info(
        "working on queue %s of %s (%s); job types: %s",
        queue.name,
        redact_url(url),
        queue.storage.server,
        shorten(", ".join(router.types), _MOST_SHOWN),
        extra={"adc_queue": queue.name},
    )


async def _warn_of_strangers(queue: Queue, router: JobRouter) -> None:
    """Name the types that wait here and have no handler: a renamed one is easily overlooked."""
    waiting = (await queue.count_jobs(states=[JobState.SCHEDULED])).by_type
    strangers = sorted(set(waiting) - set(router.types))
    if strangers:
        _log.warning(
            "jobs of these types stay scheduled, since the router has no handler for them: %s",
            shorten(", ".join(strangers), _MOST_SHOWN),
            extra={"adc_queue": queue.name},
        )


@asynccontextmanager
async def _opened(queue: Queue, url: str, *, wait: bool) -> AsyncGenerator[Queue]:
    """Open a queue; where ``wait`` is given, until its storage can be reached."""
    say = Sparingly(_SAY_EVERY_S, queue.clock.monotonic)
    pause = _FIRST_PAUSE_S
    while True:
        try:
            await queue.open()
            break
        except StorageUnavailable as error:
            if not wait:
                raise
            if say():
                _log.error("the storage is down, will try again: %s", scrub(str(error), url))
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 (jitter)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    try:
        yield queue
    finally:
        await queue.close()
