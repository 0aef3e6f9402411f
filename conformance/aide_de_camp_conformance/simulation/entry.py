"""What a simulation knows of one job, by its own reckoning."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from attrs import define, field

from aide_de_camp.spi import JobState, NewJob, SettleKind
from aide_de_camp_conformance.simulation.lanes import Lane

ROTTEN: Final = b"\xff rotten"
"""How payloads begin that can't be decoded."""

PATIENT: Final = "patient"
"""The job type whose attempts are retried where they can't be decoded."""


@define(eq=False)
class Entry:
    """One job, as the contract says it must be by now.

    Attributes:
        limit: the ``max_retries`` that counts for the present claim.
        request_id: of the claim that holds it.
        settled: the last settlements that took effect, newest first: their tokens and kinds.
        lost: when each lease that was taken back was, in seconds of the loop, by its token.
        ran_until: when it last ceased to be running, in seconds of the loop.
        revived_at: when it last came to life: stored or requeued, likewise.
        holder: the home lane that claimed it last.
        begun: the tokens under which somebody began it.
        contact: when each lease was last given or extended, likewise.
        applied: how each attempt ended whose settlement took effect, by its token: the kind, and
            the number of the lane that sent it.
        forgotten: a settlement was repeated after so many later ones that the storage couldn't
            know it any more.
        cancelled_by: the request that cancelled it from without.
        canceller: the number of the lane that sent it.
        cancels: how often it was cancelled from without.
        gone: by what named act its record went; None while it is there.
        followed: another job with this id was there before, and gone, when it was stored.
    """

    job: NewJob
    scheduled_at: int
    enqueued_at: int
    revived_at: float
    state: JobState = JobState.SCHEDULED
    token: int = 0
    claims: int = 0
    retries: int = 0
    snoozes: int = 0
    limit: int = 0
    lease_until: int = 0
    worker: str | None = None
    request_id: UUID | None = None
    settled: tuple[tuple[int, SettleKind], ...] = ()
    reason: str | None = None
    finished_at: int | None = None
    lost: dict[int, float] = field(factory=dict[int, float])
    ran_until: float = -1.0
    holder: Lane | None = None
    begun: set[int] = field(factory=set[int])
    contact: dict[int, float] = field(factory=dict[int, float])
    applied: dict[int, tuple[SettleKind, int]] = field(factory=dict[int, tuple[SettleKind, int]])
    forgotten: bool = False
    cancelled_by: UUID | None = None
    canceller: int = -1
    requeued_by: UUID | None = None
    requeued: int = 0
    cancels: int = 0
    gone: str | None = None
    followed: bool = False

    def follow(self, before: Entry) -> None:
        """Be stored under the id of one that is gone: what is told of that id is of both."""
        self.applied, self.lost = before.applied, before.lost
        self.requeued, self.cancels = before.requeued, before.cancels
        self.forgotten = before.forgotten
        self.followed = True

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.job.id

    @property
    def place(self) -> tuple[int, int, bytes]:
        """Where it stands among those that are due (clause PRI-2)."""
        return (-self.job.priority, self.scheduled_at, self.id.bytes)

    @property
    def rotten(self) -> bool:
        """True where no codec can read its payload."""
        return self.job.payload.startswith(ROTTEN)

    @property
    def live(self) -> bool:
        """True while it may still run."""
        return self.gone is None and self.state.live
