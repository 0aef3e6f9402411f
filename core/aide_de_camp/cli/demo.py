"""``adc demo``: real jobs on the files of a folder, and what happened to them."""

from __future__ import annotations

import asyncio
import logging
import shlex
import tempfile
from pathlib import Path

import click

from aide_de_camp.cli.failures import remember_url
from aide_de_camp.cli.options import BY_VARIABLE
from aide_de_camp.plugins import redact_url
from aide_de_camp.spi import Capability


@click.command()
@click.argument(
    "folder",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--queue",
    "url",
    metavar="URL",
    callback=remember_url,
    help="Where to store the jobs; by default in a new SQLite file among the temporary ones.",
)
def demo(*, folder: Path, url: str | None) -> None:
    """Run one job for each file of FOLDER, and show what happened.

    Each job computes a file's SHA-256 and counts its lines. Larger files have a higher priority;
    three jobs are cancelled before they start; one has a payload that can't be decoded, and one
    fails twice. The jobs are stored in a queue of their own, which stays (but in memory://), so
    that you can look at it further. No file's content is shown or stored.
    """
    # Heavy enough that `adc --help` shouldn't wait for them.
    from aide_de_camp.cli.demo_screen import DemoScreen  # noqa: PLC0415
    from aide_de_camp.demo.files import find_files  # noqa: PLC0415
    from aide_de_camp.demo.story import play  # noqa: PLC0415
    from aide_de_camp.demo.watching import Watcher  # noqa: PLC0415
    from aide_de_camp.ids import new_job_id  # noqa: PLC0415
    from aide_de_camp.opening import open_queue  # noqa: PLC0415
    from aide_de_camp.plugins import Registry  # noqa: PLC0415

    # The demo's own failures are told below: their log lines would tear the bar apart.
    logging.getLogger("aide_de_camp").addHandler(logging.NullHandler())

    found = find_files(folder)
    temporary = None if url else Path(tempfile.mkdtemp(prefix="adc-demo-"))
    where = url or f"sqlite:///{temporary}/jobs.db"
    # In somebody's storage the demo keeps to a queue that nobody else has.
    name = f"demo-{new_job_id().hex[-8:]}" if url else "default"
    screen = DemoScreen(folder)

    async def run() -> None:
        watcher = Watcher()
        registry = Registry()
        registry.register(watcher)
        async with open_queue(where, name=name, registry=registry) as queue:
            screen.begin(found, where, name, queue.storage.server)
            with screen.bar(len(found.files) + 2) as bar:
                outcome = await play(queue, watcher, found.files, bar)
            screen.report(outcome)
            if Capability.SHARED in queue.storage.capabilities:
                screen.further(outcome, _options(where, name), temporary)
            else:
                screen.gone()

    asyncio.run(run())


def _options(url: str, name: str) -> list[str]:
    """Name the queue in a shell's words, but no password."""
    named = [] if name == "default" else ["--name", name]
    shown = shlex.quote(url) if redact_url(url) == url else BY_VARIABLE
    return [*named, "--queue", shown]
