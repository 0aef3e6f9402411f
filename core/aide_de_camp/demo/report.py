"""What the demo says afterwards, in plain lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from aide_de_camp.demo.jobs import File
from aide_de_camp.demo.story import Outcome
from aide_de_camp.spi import JobState

_MOST_RUNS: Final = 24


def in_order(priorities: Sequence[int]) -> bool:
    """Say whether no job ran before one of a higher priority."""
    return all(a >= b for a, b in pairwise(priorities))


def runs(priorities: Iterable[int]) -> str:
    """Write priorities in the order in which they ran: ``60, 17 x3, 16 x12``."""
    found = [(priority, len(list(group))) for priority, group in groupby(priorities)]
    parts = [f"{priority}" if n == 1 else f"{priority} x{n}" for priority, n in found]
    left = len(parts) - _MOST_RUNS
    if left > 0:
        parts = [*parts[:_MOST_RUNS], f"and {left} runs more"]
    return ", ".join(parts)


def name_of(file: File, folder: Path) -> str:
    """Name a file as seen from the folder that was given."""
    path = Path(file.path)
    here = folder.resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def state_rows(outcome: Outcome) -> list[tuple[JobState, int, str]]:
    """Say how many jobs ended in each state, and which they are."""
    notes = {
        JobState.SCHEDULED: "still waiting",
        JobState.RUNNING: "still running",
        JobState.COMPLETED: f"{outcome.tally.files:,} files read, and the flaky job",
        JobState.CANCELLED: "before they started; their payloads came back",
        JobState.DEAD: "the one with a bad payload",
        JobState.HELD: "being moved by `adc move`",
    }
    unread = outcome.states[JobState.CANCELLED] - len(outcome.cancelled)
    if unread > 0:
        notes[JobState.CANCELLED] = f"{unread} of them by their handler: unreadable files"
    return [
        (state, outcome.states[state], notes[state])
        for state in JobState
        if outcome.states[state] or not (state.live or state is JobState.HELD)
    ]
