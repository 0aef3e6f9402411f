"""The event bus: who is told, and that nothing comes back (clause OBS-5)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import pytest

from aide_de_camp.plugins import EventBus, PluginStatus, Registry
from aide_de_camp.plugins.bus import Listener
from aide_de_camp.spi import Event, EventKind

from .conftest import Distribute

EVENT = Event(EventKind.COMPLETED, "default")

LISTENER = """
heard = []
@hookimpl
def adc_event(event):
    heard.append(event)
"""


def raising(error: BaseException) -> Callable[[Event], None]:
    def tell(_event: Event) -> None:
        raise error

    return tell


def test_with_nobody_listening_it_is_inactive_and_does_nothing() -> None:
    bus = EventBus()
    assert not bus.active
    assert bus.listeners == ()
    bus.emit(EVENT)
    assert bus.failures == 0


def test_extensions_are_told(distribute: Distribute) -> None:
    distribute("adc-ear", "adc_ear", LISTENER, {"extensions": ["ear"]})
    registry = Registry()
    assert "adc_ear" not in sys.modules
    assert registry.events is registry.events
    assert registry.events.active
    assert "ear" in registry.events.listeners
    registry.events.emit(EVENT)
    assert sys.modules["adc_ear"].heard == [EVENT]


def test_what_a_listener_raises_is_counted_and_logged_by_class(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Event] = []
    bus = EventBus([Listener("z", heard.append), Listener("a", raising(ValueError("hunter2")))])
    with caplog.at_level(logging.WARNING, logger="aide_de_camp.events"):
        bus.emit(EVENT)
        bus.emit(EVENT)
    assert heard == [EVENT, EVENT]
    assert bus.failures == 2
    assert len(caplog.records) == 2
    assert caplog.records[0].name == "aide_de_camp.events"
    assert "extension a raised ValueError on completed" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_interrupt_passes() -> None:
    bus = EventBus([Listener("a", raising(KeyboardInterrupt()))])
    with pytest.raises(KeyboardInterrupt):
        bus.emit(EVENT)
    assert bus.failures == 0


def test_a_broken_extension_is_logged_and_left_out(
    distribute: Distribute, caplog: pytest.LogCaptureFixture
) -> None:
    distribute("adc-ear", "adc_ear", LISTENER, {"extensions": ["ear"]})
    distribute("adc-deaf", "adc_deaf", "1 / 0", {"extensions": ["deaf"]})
    distribute(
        "adc-slow",
        "adc_slow",
        "@hookimpl\nasync def adc_event(event): ...",
        {"extensions": ["slow"]},
    )
    registry = Registry()
    with caplog.at_level(logging.WARNING, logger="aide_de_camp.plugins"):
        registry.events.emit(EVENT)
    assert sys.modules["adc_ear"].heard == [EVENT]
    assert "left out: extension 'deaf', adc-deaf 1.0" in caplog.text
    assert "left out: extension 'slow', adc-slow 1.0" in caplog.text
    statuses = {line.name: line.status for line in registry.plugins()}
    assert statuses["ear"] is PluginStatus.OK
    assert statuses["deaf"] is PluginStatus.BROKEN
    assert statuses["slow"] is PluginStatus.BROKEN


def test_a_disabled_extension_isnt_loaded(distribute: Distribute) -> None:
    distribute("adc-ear", "adc_ear", LISTENER, {"extensions": ["ear"]})
    assert "ear" not in Registry(disabled=["ear"]).events.listeners
    assert "adc_ear" not in sys.modules


def test_a_listener_may_take_no_argument(distribute: Distribute) -> None:
    source = "heard = []\n@hookimpl\ndef adc_event():\n    heard.append(1)\n"
    distribute("adc-ear", "adc_ear", source, {"extensions": ["ear"]})
    Registry().events.emit(EVENT)
    assert sys.modules["adc_ear"].heard == [1]


def test_a_listener_may_not_have_a_default(distribute: Distribute) -> None:
    source = "@hookimpl\ndef adc_event(event=None): ...\n"
    distribute("adc-ear", "adc_ear", source, {"extensions": ["ear"]})
    (info,) = (line for line in Registry().plugins() if line.name == "ear")
    assert "the hook is adc_event(event), and hands over every argument" in info.detail
