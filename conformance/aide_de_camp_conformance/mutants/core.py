"""Faults in the core: in what queues do before and after they call a storage.

They replace one name of the core, for as long as they are applied.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from attrs import evolve

from aide_de_camp.spi import (
    CancelResult,
    CancelStatus,
    DecodeError,
    EncodeError,
    JobAlreadyStarted,
    JobNotFound,
    JobState,
    StorageUnavailable,
)
from aide_de_camp_conformance.mutants.mutant import broken_core

Any_ = Callable[..., Any]

# --- scheduling ---------------------------------------------------------------------------------


@broken_core("aide_de_camp.scheduling.new_job_id", "ENQ-1.ids")
def ids_of_version_4(original: Any_) -> Any_:
    """Ids are in order, and say that they are of version 4."""
    return lambda: UUID(int=original().int & ~(0xF << 76) | (0x4 << 76))


@broken_core(
    "aide_de_camp.scheduling.new_job_id",
    "CAN-5.mismatch",
    "ENQ-1.ids",
    "LIV-1.claim",
    "LIV-2.calls",
    "LIV-4.claim",
    "RET-4.refused",
)
def ids_go_back(original: Any_) -> Any_:
    """Each id sorts before the one made before it."""
    version_and_variant = (0xF << 76) | (0b11 << 62)
    return lambda: UUID(int=original().int ^ ((1 << 128) - 1) & ~version_and_variant)


@broken_core("aide_de_camp.payloads.Payloads._encode", "ENQ-3.encode")
def names_no_field(original: Any_) -> Any_:
    """An EncodeError doesn't name the field."""

    def encode(*args: Any) -> bytes:
        try:
            data: bytes = original(*args)
        except EncodeError as error:
            raise EncodeError(str(error), job_id=error.job_id) from error
        return data

    return encode


@broken_core("aide_de_camp.payloads.first_difference", "ENQ-3.equal")
def compares_nothing(original: Any_) -> Any_:
    """Whether a payload would come back equal isn't looked at."""
    return lambda one, other: None


@broken_core("aide_de_camp.queue.Queue.schedule_many", "ENQ-1.ids", "ENQ-4.order", "LIV-1.claim")
def ids_backwards(original: Any_) -> Any_:
    """The ids of `schedule_many` come in another order than the jobs."""

    async def schedule_many(self: Any, requests: Any) -> list[UUID]:
        return list(reversed(await original(self, requests)))

    return schedule_many


@broken_core(
    "aide_de_camp.queue.Queue.schedule_many",
    "ENQ-3.encode",
    "ENQ-4.limits",
    "ENQ-4.none",
    "ENQ-5.refused",
    "ENQ-8.unavailable",
    "ERR-2.refused",
    "PRI-1.refused",
)
def many_are_singles(original: Any_) -> Any_:
    """`schedule_many` schedules one job after the other."""

    async def schedule_many(self: Any, requests: Any) -> list[UUID]:
        return [(await original(self, [request]))[0] for request in requests]

    return schedule_many


@broken_core("aide_de_camp.scheduling.BATCH_BYTES", "ENQ-4.limits")
def batches_of_any_size(original: int) -> int:
    """A batch may have any number of bytes."""
    return 2**40


@broken_core("aide_de_camp.scheduling.BATCH_JOBS", "ENQ-4.bulk", "ENQ-4.limits")
def batches_of_any_length(original: int) -> int:
    """A batch may have any number of jobs."""
    return 2**40


@broken_core("aide_de_camp.storing.steps", "ENQ-4.bulk")
def bulk_in_one_step(original: Any_) -> Any_:
    """`schedule_bulk` sends everything in one call."""
    return lambda jobs: [list(jobs)]


@broken_core("aide_de_camp.batching.Batcher._send_together", "ENQ-4.fates")
def shared_fates(original: Any_) -> Any_:
    """What fails in a combined call fails for all who share it."""

    async def send_together(self: Any, groups: Any) -> None:
        items = [item for group in groups for item in group.items]
        try:
            answers = await self._send(items)
        except Exception as error:  # noqa: BLE001 (it is handed on)
            for group in groups:
                group.answer.set_exception(error)
            return
        self._answer(groups, answers, len(items))

    return send_together


@broken_core("aide_de_camp.scheduling.checked_moment", "ENQ-5.refused")
def naive_is_utc(original: Any_) -> Any_:
    """A naive time is taken for UTC."""

    def checked_moment(argument: str, value: Any) -> int:
        if isinstance(value, datetime) and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        moment: int = original(argument, value)
        return moment

    return checked_moment


@broken_core("aide_de_camp.checks.to_microseconds", "ENQ-5.bounds", "ENQ-5.refused", "ENQ-5.zones")
def ignores_zones(original: Any_) -> Any_:
    """The zone of a time is ignored."""
    return lambda moment: original(moment.replace(tzinfo=UTC))


@broken_core("aide_de_camp.checks.TIME_MAX", "ENQ-5.overflow", "ENQ-5.refused")
def no_last_year(original: int) -> int:
    """Times beyond year 9999 are accepted."""
    return 2**62


@broken_core("aide_de_camp.opening.Payloads", "ENQ-4.none", "ENQ-6.limit", "ERR-1.words")
def doubles_the_limit(original: Any_) -> Any_:
    """A payload may be twice as large as the queue's limit."""
    return lambda *, limit, **options: original(limit=2 * limit, **options)


@broken_core("aide_de_camp.storing.Storing.store", "ENQ-8.unavailable")
def unavailable_without_ids(original: Any_) -> Any_:
    """StorageUnavailable doesn't say which jobs it is about."""

    async def store(self: Any, jobs: Any) -> None:
        try:
            await original(self, jobs)
        except StorageUnavailable as error:
            raise StorageUnavailable(str(error), outcome_unknown=error.outcome_unknown) from error

    return store


@broken_core("aide_de_camp.scheduling.checked_priority", "ERR-2.refused", "PRI-1.refused")
def any_priority(original: Any_) -> Any_:
    """What isn't a priority is made one."""

    def checked_priority(value: Any) -> int:
        try:
            return max(-128, min(127, int(value)))
        except (ValueError, TypeError):
            return 0

    return checked_priority


@broken_core("aide_de_camp.scheduling.checked_retries", "ERR-2.refused")
def any_limit_of_retries(original: Any_) -> Any_:
    """What isn't a number of retries is stored as one."""
    return lambda value: None if value is None else int(value)


# --- cancelling ---------------------------------------------------------------------------------


@broken_core(
    "aide_de_camp.cancelling._cancel",
    "CAN-4.payload",
    "CAN-8.payload",
    "CAN-9.retry",
    "DEC-7.codec",
    "LIV-4.caller",
)
def unschedule_only_looks(original: Any_) -> Any_:
    """`unschedule_job` returns the payload, and leaves the job."""

    async def cancel(session: Any, wanted: Any, job_type: Any = None) -> CancelResult:
        if wanted.token is not None:
            return CancelResult(CancelStatus.CANCELLED)
        result: CancelResult = await original(session, wanted, job_type)
        return result

    return cancel


@broken_core("aide_de_camp.cancelling._payload_of", "CAN-5.mismatch", "CAN-5.order", "ERR-1.words")
def ignores_types(original: Any_) -> Any_:
    """`unschedule_job` doesn't look at the job's type."""

    def payload_of(
        session: Any, payloads: Any, job_id: Any, job_type: Any, record: Any, *, request: Any
    ) -> Any:
        seen = record and evolve(record, job_type=job_type.name)
        return original(session, payloads, job_id, job_type, seen, request=request)

    return payload_of


@broken_core("aide_de_camp.cancelling._payload_of", "CAN-5.order", "ERR-1.words")
def state_before_type(original: Any_) -> Any_:
    """`unschedule_job` looks at the state first, then at the type."""

    def payload_of(
        session: Any, payloads: Any, job_id: Any, job_type: Any, record: Any, *, request: Any
    ) -> Any:
        if record is not None and record.state is JobState.RUNNING:
            raise JobAlreadyStarted(f"job {job_id} is running", job_id=job_id)
        return original(session, payloads, job_id, job_type, record, request=request)

    return payload_of


@broken_core("aide_de_camp.cancelling._payload_of", "CAN-5.order")
def decodes_first(original: Any_) -> Any_:
    """`unschedule_job` decodes before it looks at the state."""

    def payload_of(
        session: Any, payloads: Any, job_id: Any, job_type: Any, record: Any, *, request: Any
    ) -> Any:
        if record is not None and record.job_type == job_type.name and record.state.live:
            payloads.decode(job_type, record.codec, record.payload, job_id)
        return original(session, payloads, job_id, job_type, record, request=request)

    return payload_of


@broken_core(
    "aide_de_camp.queue.unschedule_job",
    "CAN-6.decode",
    "DEC-4.codec",
    "DEC-4.json",
    "DEC-4.loads",
    "DEC-4.msgpack",
    "DEC-4.raises",
    "DEC-6.silent",
)
def cancels_before_decoding(original: Any_) -> Any_:
    """`unschedule_job` cancels the job also where its payload can't be decoded."""

    async def unschedule(session: Any, payloads: Any, job_id: Any, job_type: Any) -> Any:
        try:
            return await original(session, payloads, job_id, job_type)
        except DecodeError:
            from aide_de_camp.cancelling import cancel_job  # noqa: PLC0415

            await cancel_job(session, job_id)
            raise

    return unschedule


@broken_core("aide_de_camp.queue.unschedule_job", "CAN-5.order", "CAN-7.started", "ERR-1.words")
def started_is_not_found(original: Any_) -> Any_:
    """`unschedule_job` of a running job says that there is none."""

    async def unschedule(session: Any, payloads: Any, job_id: Any, job_type: Any) -> Any:
        try:
            return await original(session, payloads, job_id, job_type)
        except JobAlreadyStarted as error:
            raise JobNotFound(str(error), job_id=job_id) from error

    return unschedule


@broken_core("aide_de_camp.cancelling._not_found", "ERR-1.words")
def says_little(original: Any_) -> Any_:
    """JobNotFound doesn't say which job it is."""
    return lambda session, job_id, state: JobNotFound("not found", job_id=job_id, state=state)
