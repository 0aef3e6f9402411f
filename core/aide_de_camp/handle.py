"""A claimed job in the hands of somebody who drives the queue without a runner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from aide_de_camp.answers import one_each
from aide_de_camp.batching import Batcher
from aide_de_camp.checks import checked_duration, checked_error, checked_snooze, checked_string
from aide_de_camp.ends import end_event
from aide_de_camp.escaping import storable
from aide_de_camp.job_type import JobType
from aide_de_camp.session import Session
from aide_de_camp.settling import as_cancelled, as_dead, as_failed
from aide_de_camp.spi import (
    ERROR_MESSAGE_BYTES,
    LEASE_MIN,
    ClaimedJob,
    DeadReason,
    Lease,
    LeaseLost,
    LeaseResult,
    SettleKind,
    Settlement,
)

P = TypeVar("P")

_SHORTEST_LEASE = timedelta(microseconds=LEASE_MIN)


class JobHandle(Generic[P]):
    """A job under a lease, until one of the final calls ends the attempt.

    The first final call stands: another one afterwards raises LeaseLost. The same one may be
    repeated, after StorageUnavailable say, and then has the effect and the answer of the first.
    Extension plugins are told of an end as they are of a runner's (clause OBS-5).

    Attributes:
        payload: what was scheduled, decoded.
    """

    def __init__(
        self,
        claimed: ClaimedJob,
        job_type: JobType[P],
        payload: P,
        *,
        session: Session,
        settle: Batcher[Settlement, LeaseResult],
        lease: timedelta,
    ) -> None:
        self.payload = payload
        self._claimed = claimed
        self._type = job_type
        self._session = session
        self._settle = settle
        self._lease = lease
        self._began = session.clock.monotonic()
        self._chosen: Settlement | None = None
        self._told = False

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self._claimed.id

    @property
    def job_type(self) -> str:
        """The name of the job's type."""
        return self._claimed.job_type

    @property
    def priority(self) -> int:
        """The job's priority."""
        return self._claimed.priority

    @property
    def retries(self) -> int:
        """Failures and lost leases before this attempt; 0 on the first."""
        return self._claimed.retries

    @property
    def claims(self) -> int:
        """How many attempts began, this one included."""
        return self._claimed.claims

    @property
    def token(self) -> int:
        """The attempt's fencing token, for systems of your own that should refuse zombies."""
        return self._claimed.token

    async def complete(self) -> None:
        """End the job as completed; it never runs again (clause RET-5).

        Raises:
            LeaseLost: somebody else may hold the job now; nothing changed.
            StorageUnavailable: repeat the call.
            QueueClosed: the queue isn't open any more.
            QueueMisused: this is another event loop, or a forked child.
        """
        await self._end(Settlement(self.id, self.token, SettleKind.COMPLETED))

    async def fail(
        self, error: BaseException | None = None, *, delay: timedelta | None = None
    ) -> None:
        """End the attempt as a failure: retried if a retry is left, else dead (clause RET-2).

        Args:
            error: kept as the job's last error.
            delay: until the next attempt, 0 or more; None asks the type's backoff policy.

        Raises:
            InvalidArgument: the error isn't an exception.
            InvalidSchedule: the delay is bad.
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        checked_error("error", error)
        pause = None if delay is None else checked_snooze(delay)
        await self._end(as_failed(self._claimed, self._type, error, DeadReason.FAILED, pause))

    async def dead_queue(
        self, error: BaseException | None = None, *, reason: str = DeadReason.FAILED
    ) -> None:
        """Move the job to the dead queue, whatever retries are left (clause RET-3).

        Args:
            error: kept as the job's last error.
            reason: kept as why it is there.

        Raises:
            InvalidArgument: the reason isn't a string, or the error no exception.
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        checked_error("error", error)
        kept = storable(checked_string("reason", reason), ERROR_MESSAGE_BYTES)
        await self._end(as_dead(self._claimed, error, kept))

    async def cancel(self, reason: str = "") -> None:
        """End the job as cancelled (clause RET-6).

        Args:
            reason: kept with the job, for people to read; at most 8 KiB are kept.

        Raises:
            InvalidArgument: the reason isn't a string.
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        await self._end(as_cancelled(self._claimed, checked_string("reason", reason)))

    async def release(self) -> None:
        """Give the job back: due at once at its old place, no retry used (PRI-6, RET-1).

        Raises:
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        await self._end(Settlement(self.id, self.token, SettleKind.RELEASED))

    async def snooze(self, delay: timedelta) -> None:
        """Schedule the job again after a delay, no retry used (clause RET-6).

        Raises:
            InvalidSchedule: the delay isn't a timedelta of 0 to 10,000 days.
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        pause = checked_snooze(delay)
        await self._end(Settlement(self.id, self.token, SettleKind.SNOOZED, delay=pause))

    async def extend(self, lease: timedelta | None = None) -> None:
        """Make the lease hold from now on for its whole length again (clause LEA-1).

        Args:
            lease: another length, 1 s or more; None is that of the claim.

        Raises:
            InvalidArgument: the length is bad.
            LeaseLost: as :meth:`complete`.
            QueueError: as :meth:`complete`.
        """
        length = self._lease if lease is None else lease
        checked_duration("lease", length, least=_SHORTEST_LEASE)
        if self._chosen is not None:
            raise self._used_up(self._chosen)
        session = self._session
        results = await session.call(
            lambda storage: storage.extend(
                session.queue,
                [Lease(self.id, self.token)],
                length // timedelta(microseconds=1),
                now=session.now,
            )
        )
        (result,) = one_each(results, 1, "extend leases")
        if result is LeaseResult.LOST:
            raise self._lost()

    async def _end(self, settlement: Settlement) -> None:
        if self._chosen is None:
            self._chosen = settlement
        elif self._chosen.kind is not settlement.kind:
            raise self._used_up(self._chosen)
        (result,) = await self._settle.submit([self._chosen], self._tell)
        if result is LeaseResult.LOST:
            raise self._lost()

    def _tell(self, results: Sequence[LeaseResult]) -> None:
        """Tell extensions how the attempt ended: once, however often the call is repeated."""
        session, outcome = self._session, self._chosen
        if self._told or outcome is None:
            return
        self._told = True
        if session.bus.active:
            seconds = session.clock.monotonic() - self._began
            session.bus.emit(
                end_event(session.queue, self._claimed, outcome, results[0], seconds=seconds)
            )

    def _used_up(self, chosen: Settlement) -> LeaseLost:
        return self._unchanged(f"this attempt was ended before, as {chosen.kind}")

    def _lost(self) -> LeaseLost:
        return self._unchanged("its lease was lost, and somebody else may hold it now")

    def _unchanged(self, why: str) -> LeaseLost:
        return LeaseLost(
            f"job {self.id} ({self.job_type}) wasn't changed: {why}; look at its state with "
            "get_job, and drop this handle",
            job_id=self.id,
        )
