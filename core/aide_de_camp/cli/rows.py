"""Jobs as rows of a table that fits 80 columns, and one job in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from aide_de_camp.cli.output import console, known_codecs, print_indented, print_table, table
from aide_de_camp.cli.shapes import flags_of, payload_shape
from aide_de_camp.cli.text import iso, one_line, safe, short, size
from aide_de_camp.spi import ErrorRecord, JobState
from aide_de_camp.views import JobCounts, JobPage, JobView

if TYPE_CHECKING:
    from rich.table import Table

_MOST_SHOWN: Final = 300
_NO_TIME: Final = timedelta(0)
_A_SECOND: Final = timedelta(seconds=1)
_STYLES = {
    JobState.RUNNING: "cyan",
    JobState.COMPLETED: "green",
    JobState.CANCELLED: "dim",
    JobState.DEAD: "red",
}


def print_jobs(page: JobPage, nothing: str) -> None:
    """Print a page of jobs in any state.

    Args:
        page: the page.
        nothing: what to say where it is empty.
    """
    from rich.text import Text  # noqa: PLC0415 (rich takes a while to import)

    codecs, present = known_codecs(), datetime.now(UTC)
    rows = table("ID", "TYPE", "STATE", "PRIO", "WHEN", right=("PRIO",), whole=("ID",))
    for job in page.jobs:
        name = Text(one_line(job.job_type))
        flags = flags_of(job, codecs)
        if flags:
            name.append(f" [{_in_words(flags)}]", style="red")
        state = Text(str(job.state), style=_STYLES.get(job.state, ""))
        rows.add_row(str(job.id), name, state, str(job.priority), _when(job, present))
    _print_page(page, rows, nothing)


def print_dead(page: JobPage, nothing: str, *, messages: bool) -> None:
    """Print a page of dead jobs.

    Args:
        page: the page.
        nothing: what to say where it is empty.
        messages: with the errors' messages, below the table.
    """
    from rich.text import Text  # noqa: PLC0415 (as above)

    codecs, present = known_codecs(), datetime.now(UTC)
    rows = table("ID", "TYPE", "REASON", "ERROR", "DIED", whole=("ID",))
    for job in page.jobs:
        reason = Text(_cut(job.reason or ""))
        odd = [flag for flag in flags_of(job, codecs) if flag not in ("decode", "unknown-state")]
        if odd:
            reason.append(f" [{_in_words(odd)}]", style="red")
        error = one_line(job.error.type) if job.error else ""
        died = f"{short(present - job.finished_at)} ago" if job.finished_at else ""
        rows.add_row(str(job.id), Text(one_line(job.job_type)), reason, Text(error), died)
    _print_page(page, rows, nothing)
    if messages:
        _print_messages(page)


def _print_messages(page: JobPage) -> None:
    """Print them below the table: they would leave the columns of a terminal no room."""
    from rich.text import Text  # noqa: PLC0415 (as above)

    out = console()
    for job in page.jobs:
        if job.error is not None:
            out.print()
            out.print(Text(str(job.id), style="bold"))
            print_indented(out, Text(_cut(_error(job.error))))


def _cut(text: str) -> str:
    """Make one line that a listing can take; the job's own page has the whole."""
    line = one_line(text)
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN].rstrip()} [...]"


def print_whole(jobs: Sequence[JobView], *, payload: bool, detail: bool) -> None:
    """Print jobs in full.

    Args:
        jobs: which.
        payload: with their payloads.
        detail: with the codec's own words on a decode failure.
    """
    from rich.table import Table  # noqa: PLC0415 (as above)
    from rich.text import Text  # noqa: PLC0415 (as above)

    out, codecs = console(), known_codecs()
    for number, job in enumerate(jobs):
        if number:
            out.print()
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(style="bold", no_wrap=True)
        rows.add_column(overflow="fold")
        for name, value in _fields(job, codecs):
            rows.add_row(name, Text(safe(value)))
        print_table(out, rows)
        if job.error is not None and job.error.traceback:
            _block("traceback", job.error.traceback)
        if detail and job.error is not None:
            _block("detail", job.error.detail or "(none is kept)")
        if payload:
            shown = payload_shape(job.payload or b"")
            note = "" if shown["encoding"] == "utf-8" else " (not UTF-8, so in base64)"
            _block(f"payload{note}", shown["data"])


def _print_page(page: JobPage, rows: Table, nothing: str) -> None:
    out = console()
    if not page.jobs:
        out.print(nothing)
        return
    print_table(out, rows)
    if page.cursor is not None:
        out.print(f"\nThere may be more: --cursor {page.cursor}", soft_wrap=True)


def _block(title: str, text: str) -> None:
    from rich.text import Text  # noqa: PLC0415 (as above)

    out = console()
    out.print(Text(title, style="bold"))
    print_indented(out, Text(safe(text.rstrip("\n"))))


def _when(job: JobView, present: datetime) -> str:
    if job.finished_at is not None:
        return f"{short(present - job.finished_at)} ago"
    if job.state is JobState.RUNNING and job.started_at is not None:
        return f"for {short(present - job.started_at)}"
    left = job.scheduled_at - present
    if abs(left) < _A_SECOND:
        return "due now"
    return f"due in {short(left)}" if left > _NO_TIME else f"due {short(left)} ago"


def _in_words(flags: Iterable[str]) -> str:
    """Write flags so that a narrow column can break them between words."""
    return ", ".join(flag.replace("-", " ") for flag in flags)


def _error(error: ErrorRecord) -> str:
    return f"{error.type}: {error.message}" if error.message else error.type


def _lease(job: JobView, codecs: frozenset[str]) -> str | None:
    until = iso(job.lease_until)
    if until is not None and "lease-expired" in flags_of(job, codecs):
        return f"{until} (expired: the next claim takes the job back)"
    return until


def _fields(job: JobView, codecs: frozenset[str]) -> Iterable[tuple[str, str]]:
    error = job.error
    limit = "" if job.max_retries is None else f" of {job.max_retries}"
    fields: list[tuple[str, str | None]] = [
        ("id", str(job.id)),
        ("flags", _in_words(flags_of(job, codecs)) or None),
        ("queue", job.queue),
        ("type", job.job_type),
        ("state", str(job.state)),
        ("reason", job.reason),
        ("priority", str(job.priority)),
        ("payload", f"{size(job.payload_size)}, codec {job.codec}"),
        ("attempts", f"{job.claims}, retries {job.retries}{limit}, snoozes {job.snoozes}"),
        ("enqueued", iso(job.enqueued_at)),
        ("due", iso(job.scheduled_at)),
        ("started", iso(job.started_at)),
        ("lease until", _lease(job, codecs)),
        ("finished", iso(job.finished_at)),
        ("worker", job.worker),
        ("token", str(job.token) if job.token else None),
        ("last error", _error(error) if error else None),
        ("failed at", iso(job.error_at)),
        ("failed in", error.path if error else None),
        ("at byte", str(error.offset) if error and error.offset is not None else None),
    ]
    return ((name, value) for name, value in fields if value is not None)


def counted_states(counts: Iterable[JobCounts]) -> list[JobState]:
    """Choose the columns of a table of counts: HELD is rare, and shown where there is any."""
    held = any(each.by_state[JobState.HELD] for each in counts)
    return [state for state in JobState if held or state is not JobState.HELD]
