"""``python -m aide_de_camp_conformance.histories URL``: a run against any storage, judged."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import uuid
from pathlib import Path

import click

from aide_de_camp import Registry
from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import AideDeCampError, Capability, StorageOpener
from aide_de_camp_conformance.histories.processes import run_processes
from aide_de_camp_conformance.histories.roles import QUEUE
from aide_de_camp_conformance.histories.threads import run_threads
from aide_de_camp_conformance.numbers import SEED, Seconds
from aide_de_camp_conformance.template import check_template, filled


async def _shared(opener: StorageOpener) -> bool:
    """Say whether processes can share it; refuse where the queue isn't empty.

    Raises:
        UsageError: it isn't.
        AideDeCampError: the storage can't be opened.
    """
    storage = opener()
    await storage.open()
    try:
        if QUEUE in await storage.queues():
            raise click.UsageError(
                f"the queue {QUEUE!r} isn't empty: give a place of its own, by {{namespace}}"
            )
        return Capability.SHARED in storage.capabilities
    finally:
        await storage.close()


@click.command()
@click.argument("url")
@click.option("--seed", type=SEED, help="Draw by it; by default another one each time.")
@click.option("--seconds", type=Seconds(), default=10.0, show_default=True, help="How long.")
def main(url: str, seed: int | None, seconds: float) -> None:
    """Have many callers at the storage at URL, do harm to them, and judge what they were told.

    URL may hold {namespace}, a new name each time, and {folder}: a folder that is removed.

    It ends with 0 if nothing was found, 1 if something was, and 2 if it was called wrongly or the
    storage can't be opened.
    """
    number = random.SystemRandom().randrange(2**31) if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="adc-histories-") as name:
        folder = Path(name)
        try:
            check_template(url)
            place = filled(url, namespace=f"adc_{uuid.uuid4().hex[:16]}", folder=folder)
            opener = Registry().storage(place)
            shared = asyncio.run(_shared(opener))
        except (ValueError, AideDeCampError, NotImplementedError) as error:
            raise click.UsageError(scrub(str(error), url)) from error
        histories = folder / "histories"
        histories.mkdir()
        if shared:
            run = run_processes(place, histories, seed=number, seconds=seconds)
        else:
            run = run_threads(opener, histories, seed=number, seconds=seconds)
        click.echo(run.report())
    sys.exit(1 if run.verdict.findings else 0)


if __name__ == "__main__":
    main()
