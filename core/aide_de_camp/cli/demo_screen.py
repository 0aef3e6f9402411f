"""The demo on the screen: the bar while it runs, and the report afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from aide_de_camp.cli.options import BY_VARIABLE
from aide_de_camp.cli.output import console, print_indented, print_table
from aide_de_camp.cli.text import counted, one_line, size
from aide_de_camp.demo.files import Found
from aide_de_camp.demo.report import in_order, name_of, runs, state_rows
from aide_de_camp.demo.story import BAD_PRIORITY, CANCELLED, FLAKY_PRIORITY, Outcome
from aide_de_camp.plugins import redact_url
from aide_de_camp.spi import JobState

_STYLES = {
    JobState.COMPLETED: "green",
    JobState.CANCELLED: "yellow",
    JobState.DEAD: "red",
}


class _LiveBar:
    """A bar that rich keeps up to date."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, ended: int, retried: int, dead: int) -> None:
        self._progress.update(
            self._task,
            completed=ended + CANCELLED,
            notes=f"{CANCELLED} cancelled, {retried} retried, {dead} dead",
        )


class _NoBar:
    """What a pipe gets in its place."""

    def show(self, ended: int, retried: int, dead: int) -> None:
        """Show nothing."""


class DemoScreen:
    """Prints the demo.

    Args:
        folder: the one that was given.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._out = console()

    def begin(self, found: Found, url: str, name: str, server: str) -> None:
        """Say what is about to happen, and where."""
        theirs = len(found.files) - found.own
        what = f"{counted(theirs, 'file')} in {one_line(str(self._folder.resolve()))}"
        if found.more:
            what = f"the first {theirs:,} files in {one_line(str(self._folder.resolve()))}"
        self._line("Files", what)
        if found.own:
            why = "There are none there" if theirs == 0 else "These are few"
            self._line("", f"{why}, so {found.own} of Aide-De-Camp's own are taken too.")
        self._line("Queue", f"{name} in {one_line(redact_url(url))}")
        self._line("", one_line(server))

    @contextmanager
    def bar(self, total: int) -> Generator[_LiveBar | _NoBar]:
        """Show a bar while this is entered, where there is a terminal."""
        if not self._out.is_terminal:
            yield _NoBar()
            return
        self._out.print()
        columns = (
            TextColumn("Running"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[notes]}", markup=False),
        )
        with Progress(*columns, console=self._out) as progress:
            yield _LiveBar(progress, progress.add_task("", total=total, notes=""))

    def report(self, outcome: Outcome) -> None:
        """Say what happened."""
        self._states(outcome)
        self._order(outcome)
        self._cancelled(outcome)
        self._trouble(outcome)
        self._speed(outcome)

    def gone(self) -> None:
        """Say why there is nothing to look at further."""
        self._head("Look further")
        self._indented(
            "The queue was in this process's memory, and is gone with it. To look further, store "
            "it where it stays: run the demo without --queue, or with --queue sqlite:///demo.db."
        )

    def further(self, outcome: Outcome, queue: Sequence[str], folder: Path | None) -> None:
        """Give the commands to look further; they work when pasted.

        Args:
            outcome: what came of it.
            queue: the options that name the queue, ready for a shell.
            folder: the temporary folder that is left, if there is one.
        """
        self._head("Look further")
        if BY_VARIABLE in queue:
            self._indented("With the URL, its password too, in the environment variable ADC_QUEUE:")
        # One line each for programs; for people they are broken as a shell allows it.
        mark = " \\\n      " if self._out.is_terminal else " "
        for words in (
            "jobs list --newest --limit 10",
            "jobs counts",
            f"dead show {outcome.bad.id}",
        ):
            self._out.print(mark.join((f"  adc {words}", " ".join(queue))), soft_wrap=True)
        if folder is not None:
            self._out.print(f"  rm -r {shlex.quote(str(folder))}  # once you have seen enough")

    def _states(self, outcome: Outcome) -> None:
        self._head("What became of the jobs")
        rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        rows.add_column()
        rows.add_column(justify="right")
        rows.add_column(overflow="fold")
        for state, count, note in state_rows(outcome):
            rows.add_row(Text(f"  {state}", style=_STYLES.get(state, "")), f"{count:,}", note)
        print_table(self._out, rows)

    def _order(self, outcome: Outcome) -> None:
        self._head("Priorities, in the order in which they ran")
        self._indented(runs(outcome.priorities))
        if in_order(outcome.priorities):
            self._indented("In order: none ran before one of a higher priority.", "green")
        else:
            self._indented("NOT in order: one ran before one of a higher priority.", "bold red")

    def _cancelled(self, outcome: Outcome) -> None:
        self._head("Cancelled before they started; the payloads that came back")
        for file in outcome.cancelled:
            self._indented(f"{one_line(name_of(file, self._folder))} ({size(file.size)})")

    def _trouble(self, outcome: Outcome) -> None:
        bad, flaky = outcome.bad, outcome.flaky
        self._head("Trouble, and what came of it")
        error = bad.error.type if bad.error else "no error"
        self._indented(
            f"{bad.state}, reason {bad.reason} ({error}): job {bad.id}, the first to be claimed "
            f"(priority {BAD_PRIORITY}). Its {bad.payload_size} bytes are kept; the jobs behind "
            "it ran all the same."
        )
        self._indented(
            f"{flaky.state} after {flaky.retries} retries: job {flaky.id}, which failed twice on "
            f"purpose (priority {FLAKY_PRIORITY})."
        )

    def _speed(self, outcome: Outcome) -> None:
        self._head("How fast")
        tally = outcome.tally
        scheduled = outcome.scheduled / max(outcome.scheduling_s, 1e-9)
        ran = outcome.attempts / max(outcome.running_s, 1e-9)
        self._indented(
            f"scheduled {outcome.scheduled:,} jobs in {outcome.scheduling_s:.2f} s "
            f"({scheduled:,.0f} jobs/s)"
        )
        self._indented(
            f"ran {outcome.attempts:,} attempts in {outcome.running_s:.2f} s ({ran:,.0f} jobs/s), "
            f"{outcome.retried} of them retried"
        )
        self._indented(f"read {size(tally.bytes)} and {tally.lines:,} lines")

    def _head(self, words: str) -> None:
        self._out.print()
        self._out.print(Text(words, style="bold"))

    def _indented(self, words: str, style: str = "") -> None:
        print_indented(self._out, Text(words, style=style))

    def _line(self, name: str, words: str) -> None:
        self._out.print(Text.assemble((f"{name:<7}", "bold"), words), soft_wrap=True)
