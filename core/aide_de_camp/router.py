"""From a job type's name to the code that handles it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_type_hints

from attrs import field, frozen

from aide_de_camp.backoff import DEFAULT_BACKOFF, Backoff
from aide_de_camp.checks import checked_name
from aide_de_camp.context import JobContext
from aide_de_camp.job_type import JobProcessor, JobType, OnDecodeError
from aide_de_camp.spi import ConfigurationError

P = TypeVar("P")
Q = ParamSpec("Q")
R = TypeVar("R")


@frozen
class RegisteredJob(JobType[P], Generic[P, Q, R]):
    """A handler function with its job type. Calling it runs the function itself."""

    handler: Callable[Concatenate[P, Q], R] = field(kw_only=True, eq=False, repr=False)

    def __call__(self, payload: P, *args: Q.args, **kwargs: Q.kwargs) -> R:
        """Run the handler here and now, with no queue: for tests."""
        return self.handler(payload, *args, **kwargs)


@frozen
class Route:
    """How one job type is handled.

    Attributes:
        job_type: the type.
        handler: takes the payload, and the context if ``takes_context``.
        is_async: True for ``async def``; a ``def`` runs in a thread.
        takes_context: True if it wants the JobContext too.
    """

    job_type: JobType[Any]
    handler: Callable[..., Any] = field(repr=False)
    is_async: bool
    takes_context: bool


class JobRouter:
    """The jobs that a runner handles."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}

    @property
    def routes(self) -> Mapping[str, Route]:
        """How each job type is handled, by the type's name."""
        return MappingProxyType(self._routes)

    @property
    def types(self) -> tuple[str, ...]:
        """The names of the job types, in the order of their registration."""
        return tuple(self._routes)

    def job(
        self,
        name: str,
        *,
        max_retries: int | None = None,
        backoff: Backoff = DEFAULT_BACKOFF,
        time_limit: timedelta | None = None,
        on_decode_error: OnDecodeError = "dead",
        codec: str | None = None,
    ) -> Callable[[Callable[Concatenate[P, Q], R]], RegisteredJob[P, Q, R]]:
        """Register a function as the handler of a job type: ``@router.job("send_invoice")``.

        The function takes the payload, annotated with its type, and may take the JobContext as
        its second argument. The arguments here are those of :class:`JobType`.

        Returns:
            A decorator. What it gives names the job to a queue, and runs the function if called.

        Raises:
            ConfigurationError: the name is taken, or the function's arguments don't fit.
            InvalidArgument: a value is out of its range.
        """
        if callable(name):
            raise ConfigurationError("name", 'is missing: write @router.job("its_name")')
        checked_name("name", name)

        def register(handler: Callable[Concatenate[P, Q], R]) -> RegisteredJob[P, Q, R]:
            if not callable(handler):
                raise ConfigurationError("handler", f"of job type {name!r} must be a function")
            registered = RegisteredJob(
                name,
                _payload_type_of(name, handler),
                max_retries=max_retries,
                backoff=backoff,
                time_limit=time_limit,
                on_decode_error=on_decode_error,
                codec=codec,
                handler=handler,
            )
            self._add(registered, handler)
            return registered

        return register

    def add(self, processor: JobProcessor[Any]) -> None:
        """Register a processor.

        Raises:
            ConfigurationError: its name is taken, or the class doesn't say what it needs to.
        """
        if not isinstance(processor, JobProcessor):
            raise ConfigurationError("processor", "must be an instance of a JobProcessor class")
        self._add(processor.as_job_type(), processor.handle)

    def _add(self, job_type: JobType[Any], handler: Callable[..., Any]) -> None:
        if job_type.name in self._routes:
            raise ConfigurationError(
                "name", f"job type {job_type.name!r} has a handler in this router already"
            )
        self._routes[job_type.name] = Route(
            job_type, handler, _is_async(handler), len(_arguments_of(job_type.name, handler)) > 1
        )


def _plain(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that a partial, or an object that can be called, stands for."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    if inspect.isroutine(handler):
        return handler
    method: Callable[..., Any] = type(handler).__call__
    return method


def _is_async(handler: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(_plain(handler))


def _arguments_of(name: str, handler: Callable[..., Any]) -> list[inspect.Parameter]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        arguments = list(inspect.signature(handler).parameters.values())
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "handler",
            f"of job type {name!r} doesn't say what arguments it takes: wrap it in a function",
        ) from error
    if len(arguments) not in (1, 2) or any(each.kind not in positional for each in arguments):
        raise ConfigurationError(
            "handler",
            f"of job type {name!r} must take the payload, or the payload and the JobContext",
        )
    if arguments[1:] and arguments[1].default is not inspect.Parameter.empty:
        raise ConfigurationError(
            "handler",
            f"of job type {name!r}: its second argument is given the JobContext, so it must not "
            "have a default; put what varies into the payload",
        )
    return arguments


def _payload_type_of(name: str, handler: Callable[..., Any]) -> type[Any]:
    first = _arguments_of(name, handler)[0]
    try:
        hints = get_type_hints(_plain(handler), include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            "handler",
            f"of job type {name!r}: its annotations can't be read ({error}); import what they "
            "name outside of TYPE_CHECKING",
        ) from error
    if first.name not in hints:
        raise ConfigurationError(
            "handler", f"of job type {name!r} must annotate its payload with a type"
        )
    payload_type: type[Any] = hints[first.name]
    if payload_type is JobContext or any(
        each is not JobContext and each is not Any
        for name_, each in hints.items()
        if name_ not in (first.name, "return")
    ):
        raise ConfigurationError(
            "handler",
            f"of job type {name!r} must take the payload first, and the JobContext second",
        )
    return payload_type
