"""A delayed job queue whose behaviour doesn't depend on where the jobs are stored.

Everything that an application uses is here; plugins import :mod:`aide_de_camp.spi` instead.
"""

from __future__ import annotations

from aide_de_camp._version import __version__
from aide_de_camp.backoff import Backoff, ConstantBackoff, ExponentialBackoff, LinearBackoff
from aide_de_camp.cancellation import CancellationToken, StopReason
from aide_de_camp.clock import Clock, ManualClock, SystemClock
from aide_de_camp.context import JobContext
from aide_de_camp.dead import DeadQueue
from aide_de_camp.handle import JobHandle
from aide_de_camp.ids import new_job_id
from aide_de_camp.job_type import AnyJobType, JobProcessor, JobRequest, JobType
from aide_de_camp.moving import MoveProgress, MoveReport, move_jobs
from aide_de_camp.opening import open_queue
from aide_de_camp.outcomes import Cancel, Snooze
from aide_de_camp.plugins import PluginInfo, Registry, redact_url
from aide_de_camp.queue import Queue
from aide_de_camp.router import JobRouter, RegisteredJob
from aide_de_camp.runner import JobRunner
from aide_de_camp.spi import (
    Capability,
    DeadReason,
    ErrorRecord,
    Event,
    EventKind,
    JobState,
)
from aide_de_camp.spi.errors import (
    AideDeCampError,
    BatchTooLarge,
    BulkInterrupted,
    CapabilityNotSupported,
    ConfigurationError,
    DecodeError,
    EncodeError,
    InvalidArgument,
    InvalidHandlerResult,
    InvalidPriority,
    InvalidSchedule,
    JobAlreadyStarted,
    JobError,
    JobNotFound,
    JobTypeMismatch,
    LeaseLost,
    PayloadTooLarge,
    PluginBroken,
    PluginConflict,
    PluginDependencyMissing,
    PluginError,
    PluginIncompatible,
    PluginNotFound,
    QueueClosed,
    QueueError,
    QueueMisused,
    SchemaError,
    StorageError,
    StorageUnavailable,
    TimeLimitExceeded,
    UnsupportedPayload,
)
from aide_de_camp.views import JobCounts, JobPage, JobView

__all__ = [
    "AideDeCampError",
    "AnyJobType",
    "Backoff",
    "BatchTooLarge",
    "BulkInterrupted",
    "Cancel",
    "CancellationToken",
    "Capability",
    "CapabilityNotSupported",
    "Clock",
    "ConfigurationError",
    "ConstantBackoff",
    "DeadQueue",
    "DeadReason",
    "DecodeError",
    "EncodeError",
    "ErrorRecord",
    "Event",
    "EventKind",
    "ExponentialBackoff",
    "InvalidArgument",
    "InvalidHandlerResult",
    "InvalidPriority",
    "InvalidSchedule",
    "JobAlreadyStarted",
    "JobContext",
    "JobCounts",
    "JobError",
    "JobHandle",
    "JobNotFound",
    "JobPage",
    "JobProcessor",
    "JobRequest",
    "JobRouter",
    "JobRunner",
    "JobState",
    "JobType",
    "JobTypeMismatch",
    "JobView",
    "LeaseLost",
    "LinearBackoff",
    "ManualClock",
    "MoveProgress",
    "MoveReport",
    "PayloadTooLarge",
    "PluginBroken",
    "PluginConflict",
    "PluginDependencyMissing",
    "PluginError",
    "PluginIncompatible",
    "PluginInfo",
    "PluginNotFound",
    "Queue",
    "QueueClosed",
    "QueueError",
    "QueueMisused",
    "RegisteredJob",
    "Registry",
    "SchemaError",
    "Snooze",
    "StopReason",
    "StorageError",
    "StorageUnavailable",
    "SystemClock",
    "TimeLimitExceeded",
    "UnsupportedPayload",
    "__version__",
    "move_jobs",
    "new_job_id",
    "open_queue",
    "redact_url",
]
