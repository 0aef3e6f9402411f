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
from aide_de_camp.spi import Capability, StorageOpener
from aide_de_camp_conformance.histories.processes import run_processes
from aide_de_camp_conformance.histories.roles import QUEUE
from aide_de_camp_conformance.histories.threads import run_threads


async def _shared(opener: StorageOpener, url: str) -> bool:
    """Say whether processes can share it; refuse where the queue isn't empty."""
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
@click.option("--seed", type=int, help="Draw by it; by default another one each time.")
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True)
def main(url: str, seed: int | None, seconds: float) -> None:
    """Have many callers at the storage at URL, do harm to them, and judge what they were told.

    URL may hold {namespace}, a new name each time, and {folder}: a folder that is removed.
    """
    number = random.SystemRandom().randrange(2**31) if seed is None else seed
    with tempfile.TemporaryDirectory(prefix="adc-histories-") as name:
        folder = Path(name)
        place = url.format(namespace=f"adc_{uuid.uuid4().hex[:16]}", folder=folder)
        opener = Registry().storage(place)
        histories = folder / "histories"
        histories.mkdir()
        if asyncio.run(_shared(opener, place)):
            run = run_processes(place, histories, seed=number, seconds=seconds)
        else:
            run = run_threads(opener, histories, seed=number, seconds=seconds)
        click.echo(run.report())
    sys.exit(1 if run.verdict.findings else 0)


if __name__ == "__main__":
    main()
