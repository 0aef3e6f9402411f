"""Requests whose replies were lost: their callers' repeats find their doing (clause LIV-4)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from attrs import define, field

from aide_de_camp.ids import new_job_id
from aide_de_camp.spi import StorageUnavailable

_MOST: Final = 1_000
"""Requests that are remembered; of more, those that failed first are forgotten."""


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


class Repeats:
    """The ids of requests that may have taken effect, by what was asked of which job."""

    def __init__(self) -> None:
        self._in_doubt: OrderedDict[tuple[str, UUID], UUID] = OrderedDict()

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
            if _in_doubt(request, error):
                self._remember(verb, request.id, job_id)
            raise

    def _remember(self, verb: str, request_id: UUID, job_id: UUID) -> None:
        self._in_doubt[verb, job_id] = request_id
        while len(self._in_doubt) > _MOST:
            self._in_doubt.popitem(last=False)


def _in_doubt(request: Request, error: BaseException) -> bool:
    """Say whether a request may have taken effect, though its caller wasn't told."""
    if isinstance(error, StorageUnavailable):
        # A repeat that is refused says nothing of the first.
        return request.repeated or (request.sent and error.outcome_unknown)
    return not isinstance(error, Exception) and (request.repeated or request.sent)
