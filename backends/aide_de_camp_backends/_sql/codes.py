"""The numbers that stand for states and kinds of settlement in the tables. They never change."""

from __future__ import annotations

from typing import Final

from aide_de_camp.spi import JobState, SettleKind

SCHEDULED: Final = 0
RUNNING: Final = 1
COMPLETED: Final = 2
CANCELLED: Final = 3
DEAD: Final = 4
HELD: Final = 5

STATE_CODES: Final = {
    JobState.SCHEDULED: SCHEDULED,
    JobState.RUNNING: RUNNING,
    JobState.COMPLETED: COMPLETED,
    JobState.CANCELLED: CANCELLED,
    JobState.DEAD: DEAD,
    JobState.HELD: HELD,
}
STATES: Final = {code: state for state, code in STATE_CODES.items()}

KIND_CODES: Final = {
    SettleKind.COMPLETED: 0,
    SettleKind.RETRY: 1,
    SettleKind.SNOOZED: 2,
    SettleKind.RELEASED: 3,
    SettleKind.DEAD: 4,
    SettleKind.CANCELLED: 5,
}
