"""Requests whose replies were lost: their callers' repeats find their doing (clause LIV-4)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from aide_de_camp.ids import new_job_id
from aide_de_camp.spi import JobFilter, StorageUnavailable
from aide_de_camp.views import JobView

_MOST: Final = 1_000
"""Requests that are remembered; of more, those that failed first are forgotten."""
_MOST_STEPS: Final = 10
"""Likewise of steps, of up to 1,000 jobs each."""
_STEP_KEPT: Final = 600.0
"""Seconds from a step's last try within which a call is taken for a repeat: one that comes much
later means the jobs of its own time."""


@define
class Request:
    """One request about one job, or about some.

    Attributes:
        id: names it: a storage answers a repeat under this id as it answered the first.
        repeated: an earlier call under this id may have taken effect, though no reply came.
        sent: it was sent, so that it may have taken effect; whoever sends it says so before.
    """

    id: UUID = field(factory=new_job_id)
    repeated: bool = False
    sent: bool = False

    def renew(self) -> None:
        """Make it another one: the earlier call is known to need no repeat."""
        self.id, self.repeated, self.sent = new_job_id(), False, False

    def in_doubt(self, error: BaseException) -> bool:
        """Say whether it may have taken effect, though an error is all that its caller was told."""
        if isinstance(error, StorageUnavailable):
            # A repeat that is refused says nothing of the first.
            return self.repeated or (self.sent and error.outcome_unknown)
        return not isinstance(error, Exception) and (self.repeated or self.sent)


@frozen
class _LostStep:
    request_id: UUID
    jobs: tuple[JobView, ...]
    until: float


class Repeats:
    """The ids of requests that may have taken effect, by what was asked of which job."""

    def __init__(self) -> None:
        self._in_doubt: OrderedDict[tuple[str, UUID], UUID] = OrderedDict()
        self._steps: OrderedDict[tuple[str, JobFilter], _LostStep] = OrderedDict()

    @contextmanager
    def request(self, verb: str, job_id: UUID) -> Generator[Request]:
        """Name a request; where the block ends without an answer to it, remember its name.

        Args:
            verb: what is asked for.
            job_id: of which job.

        Returns:
            The request: that of an earlier call of this kind that got no answer, or a new one.
        """
        before = self._in_doubt.pop((verb, job_id), None)
        request = Request() if before is None else Request(before, repeated=True)
        try:
            yield request
        except BaseException as error:
            if request.in_doubt(error):
                self._remember(verb, request.id, job_id)
            raise

    def _remember(self, verb: str, request_id: UUID, job_id: UUID) -> None:
        self._in_doubt[verb, job_id] = request_id
        while len(self._in_doubt) > _MOST:
            self._in_doubt.popitem(last=False)

    def lost_step(
        self, verb: str, where: JobFilter, present: float
    ) -> tuple[UUID, Sequence[JobView]] | None:
        """Give the step of an earlier call on all that match, if its reply was lost.

        Args:
            verb: what is asked for.
            where: which jobs.
            present: monotonic seconds.

        Returns:
            The id of its request, and its jobs.
        """
        lost = self._steps.pop((verb, where), None)
        return None if lost is None or present >= lost.until else (lost.request_id, lost.jobs)

    def remember_step(
        self, verb: str, where: JobFilter, request_id: UUID, jobs: Sequence[JobView], present: float
    ) -> None:
        """Remember a step whose reply was lost; :meth:`lost_step` has the arguments."""
        kept = tuple(evolve(job, error=None) for job in jobs)
        self._steps[verb, where] = _LostStep(request_id, kept, present + _STEP_KEPT)
        while len(self._steps) > _MOST_STEPS:
            self._steps.popitem(last=False)
