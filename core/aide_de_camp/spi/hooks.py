"""The pluggy hooks by which plugins register, and observe.

Hooks register and observe; they are never on the way of a job. They are plain functions (no
``async def``), and neither a hook nor an implementation has a default or a keyword-only argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import pluggy

from aide_de_camp.spi.descriptors import CodecDescriptor, StorageDescriptor
from aide_de_camp.spi.events import Event

PROJECT: Final = "aide_de_camp"

F = TypeVar("F", bound=Callable[..., Any])

_hookspec = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


def hookimpl(function: F) -> F:
    """Mark a plugin's function as the implementation of the hook of the same name."""
    return _hookimpl(function)


class Hooks:
    """The hook specifications."""

    @_hookspec
    def adc_storages(self) -> Iterable[StorageDescriptor]:
        """Return the storage backends that this plugin offers."""
        raise AssertionError

    @_hookspec
    def adc_codecs(self) -> Iterable[CodecDescriptor]:
        """Return the codecs that this plugin offers."""
        raise AssertionError

    @_hookspec
    def adc_event(self, event: Event) -> None:
        """Be told of what happened to a job or a runner.

        Called in the thread and the event loop of whoever caused it, so it must be quick and
        must not block. What it raises is logged and counted, and changes nothing.
        """
