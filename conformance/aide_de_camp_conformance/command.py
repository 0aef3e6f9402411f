"""``adc conformance``: run the kit by a URL alone, and show reports."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import AideDeCampError
from aide_de_camp_conformance.badge import badge
from aide_de_camp_conformance.bearing import check_details
from aide_de_camp_conformance.codec_command import codec
from aide_de_camp_conformance.conducting import run_elsewhere, wanted_of
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import form_of, read, text_of
from aide_de_camp_conformance.junit import junit
from aide_de_camp_conformance.levels import HIGHEST
from aide_de_camp_conformance.new_file import NEW_FILE
from aide_de_camp_conformance.outputs import output_options
from aide_de_camp_conformance.page import page
from aide_de_camp_conformance.parallel import Processes
from aide_de_camp_conformance.running import Result
from aide_de_camp_conformance.scaffold.command import new
from aide_de_camp_conformance.table import COLOURS, print_report
from aide_de_camp_conformance.url_harness import checked_harness

_PIPE_WIDTH: Final = 10_000
"""What goes into a pipe is neither wrapped nor cut."""


@click.group()
def conformance() -> None:
    """Find out what a storage backend or a codec keeps of the contract."""


conformance.add_command(codec)
conformance.add_command(new)


@conformance.command()
@click.argument("url")
@click.option(
    "--level",
    type=click.IntRange(1, HIGHEST),
    default=HIGHEST,
    show_default=True,
    help="Ask what is asked up to this level.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Only what begins so, like PRI or PRI-2; repeatable. Such a run reaches no level.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many requirements to run at once, each in a process.",
)
@click.option("--json", "json_file", type=NEW_FILE, help="The whole report.")
@output_options
def run(
    *,
    url: str,
    level: int,
    only: tuple[str, ...],
    jobs: int,
    json_file: Path | None,
    **files: Path | None,
) -> None:
    """Run the conformance kit against the storage at URL.

    A plain URL, such as postgresql://localhost/app, is enough where the backend says how
    to keep what the kit stores apart from what is there; all of it is removed again. Else
    write {namespace} where the URL tells one place from another, and {folder} for a
    temporary folder: sqlite:///{folder}/{namespace}.db

    A URL lets nobody kill the storage's server: what needs that isn't asked, and the report
    says so.

    It ends with 0 if the level was reached (with --only: if what was run holds), 1 if not, and
    2 if it was called wrongly or the storage can't be opened.
    """
    try:
        wanted = wanted_of(level, only)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="adc-kit-") as folder:
        processes = Processes(jobs, partial(checked_harness, url, Path(folder)))
        try:
            form = _run(processes, level, only, len(wanted))
        except ValueError as error:
            raise click.UsageError(scrub(str(error), url)) from error
        except AideDeCampError as error:
            words = scrub(str(error), url)
            raise click.UsageError(f"the storage can't be opened: {words}") from error
    _tell(form)
    if json_file is not None:
        json_file.write_text(text_of(form), "utf-8")
    _write(form, **files)
    if processes.left:
        click.echo(f"couldn't be removed from the storage: {', '.join(processes.left)}", err=True)
    reached = form.level == level if form.complete else not form.broken
    raise click.exceptions.Exit(0 if reached and not form.broken else 1)


@conformance.command()
@click.argument("report", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@output_options
def show(*, report: Path, **files: Path | None) -> None:
    """Show a REPORT that was written by --json, and make the other files of it.

    It ends with 2 if the file is no report, or claims what is in it doesn't bear out.
    """
    try:
        form = read(report)
        check_details(form, str(report))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _tell(form)
    _write(form, **files)


def _run(processes: Processes, level: int, only: tuple[str, ...], count: int) -> ReportForm:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("opening", total=count)

        def tell(result: Result) -> None:
            words = f"[{COLOURS[result.outcome.value]}]{result.requirement.id}[/]"
            progress.update(task, advance=1, description=words)

        report = run_elsewhere(processes, level=level, only=only, tell=tell)
    return form_of(report)


def _tell(form: ReportForm) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    print_report(form, console)


def _write(
    form: ReportForm, *, junit_file: Path | None, html_file: Path | None, badge_file: Path | None
) -> None:
    if junit_file is not None:
        junit_file.write_text(junit(form), "utf-8")
    if html_file is not None:
        html_file.write_text(page(form), "utf-8")
    if badge_file is not None:
        badge_file.write_text(json.dumps(badge(form), ensure_ascii=False) + "\n", "utf-8")
