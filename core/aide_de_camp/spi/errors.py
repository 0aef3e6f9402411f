"""Every error of the framework, in one tree.

Only these leave a backend, a codec or the core (clause ERR-1); what a driver raised is their
``__cause__``. A message says what happened, to which job where there is one, and what to do. No
message carries a payload's content (clause DEC-6).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi.states import JobState


class AideDeCampError(Exception):
    """The root: ``except AideDeCampError`` catches all that the framework raises."""


# --- what a caller did wrong -------------------------------------------------------------------


class InvalidArgument(AideDeCampError, ValueError):
    """A bad argument was refused before anything was stored (clause ERR-2).

    Attributes:
        argument: the name of the argument that was refused.
    """

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


class InvalidPriority(InvalidArgument):
    """A priority isn't an integer in -128..127 (clause PRI-1)."""

    def __init__(self, message: str, argument: str = "priority") -> None:
        super().__init__(argument, message)


class InvalidSchedule(InvalidArgument):
    """A time is naive, or outside years 1 to 9999 in UTC (clause ENQ-5)."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(argument, message)


class ConfigurationError(InvalidArgument):
    """A URL, an option or a declaration can't be used as written."""


class UnsupportedPayload(ConfigurationError):
    """A payload type can't be carried faithfully by the codec, found when it is registered."""


# --- the queue ---------------------------------------------------------------------------------


class QueueError(AideDeCampError):
    """Something went wrong between the caller and the stored jobs.

    Attributes:
        job_id: the job in question, where there is one.
    """

    def __init__(self, message: str, *, job_id: UUID | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id


class EncodeError(QueueError):
    """A payload can't be encoded, or wouldn't come back equal; nothing was stored (ENQ-3).

    Attributes:
        path: where in the payload, such as ``$.items[2].price``; ``$`` is the whole.
    """

    def __init__(self, message: str, *, path: str = "$", job_id: UUID | None = None) -> None:
        super().__init__(message, job_id=job_id)
        self.path = path


class DecodeError(QueueError):
    """Stored bytes can't be decoded as the job type's payload (clauses DEC-1 to DEC-6).

    The message is safe to show: it holds nothing of the payload.

    Attributes:
        path: where in the payload, keys that came from the payload left out; None if unknown.
        offset: the byte at which the codec gave up; None if unknown.
        detail: the codec's own words, which may quote the payload; shown only on request.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        offset: int | None = None,
        detail: str | None = None,
        job_id: UUID | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.path = path
        self.offset = offset
        self.detail = detail


class PayloadTooLarge(QueueError):
    """An encoded payload is over the queue's limit; nothing was stored (clause ENQ-6)."""


class BatchTooLarge(QueueError):
    """More jobs or bytes than one call may store; nothing was stored (clause ENQ-4)."""


class JobNotFound(QueueError):
    """No live job has this id (clause CAN-3).

    Attributes:
        state: the job's state where its record is still kept, else None.
    """

    def __init__(
        self, message: str, *, job_id: UUID | None = None, state: JobState | None = None
    ) -> None:
        super().__init__(message, job_id=job_id)
        self.state = state


class JobTypeMismatch(JobNotFound):
    """The id belongs to a live job of another type, which stays (clause CAN-5)."""


class JobAlreadyStarted(QueueError):
    """The job is running, so it can't be unscheduled; it goes on (clause CAN-7)."""


class LeaseLost(QueueError):
    """The lease on a job was lost: somebody else may hold it now, nothing changed (LEA-3)."""


class QueueClosed(QueueError):
    """The queue was closed, or never opened (clause LIV-3)."""


class QueueMisused(QueueError):
    """The queue was used from another event loop, or after a fork (clause LIV-3)."""


class BulkInterrupted(QueueError):
    """``schedule_bulk`` stopped part-way; what it says was stored is stored (clause ENQ-4).

    Attributes:
        scheduled: the ids known to be stored, in the order given.
        remaining: the ids whose storing failed or wasn't tried; repeat the call with the same
            ids to finish, which stores none of them twice.
    """

    def __init__(
        self, message: str, *, scheduled: Sequence[UUID], remaining: Sequence[UUID]
    ) -> None:
        super().__init__(message)
        self.scheduled = tuple(scheduled)
        self.remaining = tuple(remaining)


# --- the storage -------------------------------------------------------------------------------


class StorageError(QueueError):
    """The storage refused or broke in a way that a repeat won't mend."""


class StorageUnavailable(StorageError):
    """The storage can't be reached, or is too busy, just now (clauses LIV-2, ENQ-8).

    Attributes:
        outcome_unknown: True where the call may have taken effect all the same; repeating it
            with the same ids is safe.
        job_ids: the jobs that the call was about, where it was about jobs.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome_unknown: bool,
        job_ids: Sequence[UUID] = (),
    ) -> None:
        super().__init__(message, job_id=job_ids[0] if len(job_ids) == 1 else None)
        self.outcome_unknown = outcome_unknown
        self.job_ids = tuple(job_ids)


class SchemaError(StorageError):
    """The stored layout is older or newer than this version can use, or needs migrating."""


class CapabilityNotSupported(StorageError):
    """The backend doesn't declare what the call needs; nothing changed."""


# --- handlers ----------------------------------------------------------------------------------


class JobError(AideDeCampError):
    """A job's attempt failed for a reason that the framework gives, not the handler."""


class TimeLimitExceeded(JobError):
    """An attempt ran past its time limit (clause RET-9)."""


class InvalidHandlerResult(JobError):
    """A handler returned what no runner understands, or a Snooze with a bad delay (RET-6)."""


# --- plugins -----------------------------------------------------------------------------------


class PluginError(AideDeCampError):
    """A storage, codec or extension plugin can't be used.

    Attributes:
        plugin: the plugin's name: a URL scheme, a codec's name or an extension's.
    """

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(message)
        self.plugin = plugin


class PluginNotFound(PluginError):
    """No installed plugin has this name; the message lists those that are there."""


class PluginDependencyMissing(PluginError):
    """The plugin is there, its driver isn't; the message names the extra to install."""


class PluginBroken(PluginError):
    """The plugin couldn't be imported, or doesn't offer what its entry point promises."""


class PluginIncompatible(PluginError):
    """The plugin was built for another SPI version; the message names both."""


class PluginConflict(PluginError):
    """Two plugins claim one name; the message names both sources."""
