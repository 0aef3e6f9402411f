"""What a job is: a stable name, a payload type and how failures are treated."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from attrs import field, frozen

from aide_de_camp.backoff import DEFAULT_BACKOFF, Backoff
from aide_de_camp.checks import (
    checked_duration,
    checked_name,
    checked_retries,
    checked_several,
)
from aide_de_camp.spi import ConfigurationError, InvalidArgument

P = TypeVar("P")
OnDecodeError = Literal["dead", "retry"]


@frozen
class JobType(Generic[P]):
    """A kind of job, as producers and runners name it. Producers need no handler's code.

    Attributes:
        name: the author's stable name, 1 to 128 characters; never derived from an import path.
        payload_type: a class, or any other type form that the codec carries.
        max_retries: how often an attempt may be repeated, 0 or more; None leaves it to the
            runner (5). 0 means at most once (clause RET-8).
        backoff: how long to wait before each retry.
        time_limit: how long an attempt may take; None is no limit (clause RET-9).
        on_decode_error: ``"dead"`` moves an undecodable job to the dead queue at once;
            ``"retry"`` retries it as a failure, for rolling deploys (clause DEC-2).
        codec: the codec's name; None is the queue's default.

    Raises:
        InvalidArgument: a value is out of its range.
    """

    name: str
    payload_type: type[P]
    max_retries: int | None = field(default=None, kw_only=True)
    backoff: Backoff = field(default=DEFAULT_BACKOFF, kw_only=True)
    time_limit: timedelta | None = field(default=None, kw_only=True)
    on_decode_error: OnDecodeError = field(default="dead", kw_only=True)
    codec: str | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        checked_name("name", self.name)
        checked_retries(self.max_retries)
        if not isinstance(self.backoff, Backoff):
            raise ConfigurationError("backoff", "must have a delay(retries, draw) method")
        if self.time_limit is not None:
            checked_duration("time_limit", self.time_limit, least=timedelta(milliseconds=1))
        if self.on_decode_error not in ("dead", "retry"):
            raise InvalidArgument("on_decode_error", "must be 'dead' or 'retry'")
        if self.codec is not None:
            checked_name("codec", self.codec)


@frozen
class JobRequest(Generic[P]):
    """One job of a ``schedule_many`` or ``schedule_bulk``.

    Attributes:
        job: the job's type.
        payload: what the handler will be given.
        priority: -128..127, higher first.
        at: the instant at which it falls due, an aware datetime; not together with ``delay``.
        delay: how long from now it falls due; a negative one is due at once.
        job_id: made by :func:`new_job_id`; None makes one.
        max_retries: for this job alone, 0 or more; None leaves it to the type.
    """

    job: AnyJobType[P]
    payload: P = field(repr=False)
    priority: int = field(default=0, kw_only=True)
    at: datetime | None = field(default=None, kw_only=True)
    delay: timedelta | None = field(default=None, kw_only=True)
    job_id: UUID | None = field(default=None, kw_only=True)
    max_retries: int | None = field(default=None, kw_only=True)


class JobProcessor(Generic[P]):
    """A job whose handler needs services: subclass it, and give them to the instance.

    ``class SendInvoice(JobProcessor[Invoice])`` states the payload's type, and the class
    attributes say the rest, with the meanings of :class:`JobType`.
    """

    job_type: str
    max_retries: int | None = None
    backoff: Backoff = DEFAULT_BACKOFF
    time_limit: timedelta | None = None
    on_decode_error: OnDecodeError = "dead"
    codec: str | None = None

    def handle(self, payload: P, job: Any) -> Awaitable[Any] | Any:
        """Do the work; override it as ``async def`` or ``def``, the latter runs in a thread.

        Args:
            payload: what was scheduled.
            job: the attempt's :class:`JobContext`.

        Returns:
            Nothing, :class:`Snooze` or :class:`Cancel`. Raising is a failure.
        """
        raise NotImplementedError(f"{type(self).__name__} has no handle method")

    @classmethod
    def as_job_type(cls) -> JobType[P]:
        """Give the job type that the class states.

        Raises:
            ConfigurationError: the class states no ``job_type`` or no payload type.
        """
        made = cls.__dict__.get("_made_job_type")
        if made is None:
            made = _job_type_of_class(cls)
            # A class is read once; its subclasses have their own.
            cls._made_job_type = made
        return made

    _made_job_type: JobType[Any] | None = None


AnyJobType = JobType[P] | JobProcessor[P] | type[JobProcessor[P]]
"""What names a job to a queue: all three are the same to it."""


def job_type_of(job: AnyJobType[P], argument: str = "job") -> JobType[P]:
    """Give the JobType behind whatever names a job.

    Args:
        job: what names it.
        argument: what the caller calls it.

    Raises:
        InvalidArgument: it names none.
    """
    if isinstance(job, JobType):
        return job
    if isinstance(job, JobProcessor) or (isinstance(job, type) and issubclass(job, JobProcessor)):
        return job.as_job_type()
    raise InvalidArgument(
        argument, "must be a JobType, a function registered with @router.job, or a JobProcessor"
    )


def job_types_of(jobs: AnyJobType[Any] | Iterable[AnyJobType[Any]]) -> list[JobType[Any]]:
    """Give the JobTypes behind one or several names of jobs.

    Raises:
        InvalidArgument: it is neither, or one of them names none.
    """
    if isinstance(jobs, JobType | JobProcessor | type):
        return [job_type_of(jobs, "jobs")]
    return [job_type_of(each, "jobs") for each in checked_several("jobs", jobs, "job types")]


def _job_type_of_class(cls: type[JobProcessor[P]]) -> JobType[P]:
    if not isinstance(getattr(cls, "job_type", None), str):
        raise ConfigurationError("job_type", f"{cls.__name__} must state its name: job_type = ...")
    return JobType(
        checked_name("job_type", cls.job_type),
        _payload_type_of(cls),
        max_retries=cls.max_retries,
        backoff=cls.backoff,
        time_limit=cls.time_limit,
        on_decode_error=cls.on_decode_error,
        codec=cls.codec,
    )


def _payload_type_of(cls: type[JobProcessor[P]]) -> type[P]:
    for parent in cls.__mro__:
        for base in getattr(parent, "__orig_bases__", ()):
            origin = getattr(base, "__origin__", None)
            if isinstance(origin, type) and issubclass(origin, JobProcessor):
                (payload_type,) = base.__args__
                if not isinstance(payload_type, TypeVar):
                    return payload_type  # type: ignore[no-any-return] # it is what the class states
    raise ConfigurationError(
        "payload", f"{cls.__name__} must state its payload's type: class X(JobProcessor[Payload])"
    )
