"""Finding and using plugins that are as they should be."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from aide_de_camp.plugins import PluginKind, PluginStatus, Registry
from aide_de_camp.spi import (
    SPI_VERSION,
    Capability,
    CodecDescriptor,
    ConfigurationError,
    PluginBroken,
    PluginConflict,
    PluginIncompatible,
    PluginNotFound,
    StorageDescriptor,
    hookimpl,
)

from .conftest import Distribute, opened

BACKEND = """
@hookimpl
def adc_storages():
    def connect(url, options):
        return lambda: ("storage", url, dict(options))
    return [
        StorageDescriptor("strange", SPI_VERSION, connect,
                          frozenset({Capability.SHARED}), "A stranger's"),
        StorageDescriptor("stranger", SPI_VERSION, connect),
    ]
"""

CODEC = """
class Rot13:
    name = "rot13"
    def bind(self, payload_type):
        return None

@hookimpl
def adc_codecs():
    yield CodecDescriptor("rot13", SPI_VERSION, Rot13, summary="Old jokes")
"""


def test_a_strangers_backend_is_found_by_its_scheme(distribute: Distribute) -> None:
    distribute("adc-strange", "adc_strange", BACKEND, {"backends": ["strange", "stranger"]})
    registry = Registry()
    assert "adc_strange" not in sys.modules
    assert opened(registry, "STRANGE://here", {"a": "b"}) == (
        "storage",
        "STRANGE://here",
        {"a": "b"},
    )
    assert opened(registry, "stranger://") == ("storage", "stranger://", {})


def test_asking_for_one_imports_no_other(distribute: Distribute) -> None:
    distribute("adc-strange", "adc_strange", BACKEND, {"backends": ["strange", "stranger"]})
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    Registry().codec("rot13")
    assert "adc_rot13" in sys.modules
    assert "adc_strange" not in sys.modules


def test_a_codec_is_made_once_per_registry(distribute: Distribute) -> None:
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    registry = Registry()
    assert registry.codec("rot13").name == "rot13"
    assert registry.codec("rot13") is registry.codec("rot13")
    assert Registry().codec("rot13") is not registry.codec("rot13")


def test_threads_get_the_same_codec(distribute: Distribute) -> None:
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    registry = Registry()
    got: list[object] = []
    threads = [
        threading.Thread(target=lambda: got.append(registry.codec("rot13"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(threads)
    assert len(set(map(id, got))) == 1


def test_the_listing_tells_all_of_a_good_plugin(distribute: Distribute) -> None:
    distribute("adc-strange", "adc_strange", BACKEND, {"backends": ["strange"]}, version="2.5")
    (info,) = (line for line in Registry().plugins() if line.name == "strange")
    assert info.kind is PluginKind.BACKEND
    assert info.status is PluginStatus.OK
    assert (info.distribution, info.version) == ("adc-strange", "2.5")
    assert info.spi == SPI_VERSION
    assert info.capabilities == {Capability.SHARED}
    assert info.summary == "A stranger's"
    assert info.detail == ""


def test_the_built_in_plugins_come_through_the_same_door() -> None:
    listed = {(line.kind.value, line.name): line for line in Registry().plugins()}
    for key in (
        ("backend", "memory"),
        ("backend", "sqlite"),
        ("codec", "json"),
        ("codec", "msgpack"),
        ("codec", "pydantic"),
    ):
        assert listed[key].distribution == "aide-de-camp"
        assert listed[key].status is PluginStatus.OK, listed[key].detail


def test_the_core_imports_no_plugin_and_no_driver() -> None:
    code = (
        "import sys, aide_de_camp, aide_de_camp.plugins as p; p.Registry();"
        "bad = {'aide_de_camp_backends', 'aide_de_camp_codecs', 'sqlalchemy', 'aiosqlite'};"
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_entry_points_can_be_given_in_place_of_the_installed(distribute: Distribute) -> None:
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    point = metadata.EntryPoint("rot13", "adc_rot13", "aide_de_camp.codecs")
    other = metadata.EntryPoint("pip", "pip", "console_scripts")
    registry = Registry(entry_points=[point, other])
    assert [line.name for line in registry.plugins()] == ["rot13"]
    assert registry.codec("rot13").name == "rot13"
    with pytest.raises(PluginNotFound):
        registry.codec("json")


@pytest.mark.parametrize("named", ["rot13", "adc-rot13", "ADC_Rot13"])
def test_a_disabled_plugin_is_listed_and_not_imported(distribute: Distribute, named: str) -> None:
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    registry = Registry(disabled=["", named])
    (info,) = (line for line in registry.plugins() if line.name == "rot13")
    assert info.status is PluginStatus.DISABLED
    assert info.distribution == "adc-rot13"
    with pytest.raises(
        PluginNotFound, match=r"'rot13', adc-rot13 1\.0.*disabled.*ADC_DISABLE_PLUGINS"
    ):
        registry.codec("rot13")
    assert "adc_rot13" not in sys.modules


def test_the_environment_disables(distribute: Distribute, monkeypatch: pytest.MonkeyPatch) -> None:
    distribute("adc-rot13", "adc_rot13", CODEC, {"codecs": ["rot13"]})
    monkeypatch.setenv("ADC_DISABLE_PLUGINS", "other, rot13")
    registry = Registry()
    monkeypatch.delenv("ADC_DISABLE_PLUGINS")
    with pytest.raises(PluginNotFound):
        registry.codec("rot13")
    assert Registry().codec("rot13").name == "rot13"


def test_an_unknown_scheme_lists_what_is_there() -> None:
    with pytest.raises(PluginNotFound) as caught:
        Registry().storage("sqllite:///x.db")
    assert caught.value.plugin == "sqllite"
    (installed,) = re.findall(r"Installed: ([^.]+)\.", str(caught.value))
    assert {"memory", "redis", "redis+cluster", "sqlite"} <= set(installed.split(", "))
    assert "Did you mean 'sqlite'?" in str(caught.value)


def test_a_known_name_tells_its_extra() -> None:
    with pytest.raises(PluginNotFound, match="pip install 'aide-de-camp\\[sqlite\\]'"):
        Registry(entry_points=[]).storage("sqlite:///x.db")
    with pytest.raises(PluginNotFound, match=r"Installed: none.*aide_de_camp\.backends"):
        Registry(entry_points=[]).storage("nowhere://user:hunter2@host")


def test_no_extra_is_promised_that_isnt_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> object:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(PluginNotFound) as caught:
        Registry(entry_points=[]).storage("sqlite:///x.db")
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "x.db", "hunter2@host/db", "1a://x", "://x", "sqlite:x"])
def test_a_url_without_a_scheme_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="doesn't begin with a scheme") as caught:
        Registry().storage(url)
    assert "hunter2" not in str(caught.value)


class Plain:
    """Registers one backend and one codec, and listens."""

    def __init__(self, spi: tuple[int, int] = SPI_VERSION, codec: str = "plain") -> None:
        self.spi, self.codec, self.heard = spi, codec, 0

    @hookimpl
    def adc_storages(self) -> list[StorageDescriptor]:
        return [StorageDescriptor("plain", self.spi, lambda url, options: lambda: url)]  # type: ignore[arg-type,return-value]  # a stand-in

    @hookimpl
    def adc_codecs(self) -> list[CodecDescriptor]:
        made = SimpleNamespace(name=self.codec, bind=lambda payload_type: None)
        return [CodecDescriptor(self.codec, self.spi, lambda: made)]

    @hookimpl
    def adc_event(self) -> None:
        self.heard += 1


def test_an_application_registers_an_object() -> None:
    registry = Registry(entry_points=[])
    registry.register(Plain())
    assert opened(registry, "plain://") == "plain://"
    assert registry.codec("plain").name == "plain"
    assert registry.events.listeners == ("Plain",)
    listed = [(line.kind.value, line.name, line.distribution) for line in registry.plugins()]
    assert listed == [
        ("backend", "plain", None),
        ("codec", "plain", None),
        ("extension", "Plain", None),
    ]
    assert {line.status for line in registry.plugins()} == {PluginStatus.OK}


def test_registering_a_taken_name_adds_nothing() -> None:
    registry = Registry()
    with pytest.raises(PluginConflict, match=r"aide-de-camp .* and registered by the application"):
        registry.register(Plain(codec="json"))
    with pytest.raises(PluginNotFound):
        registry.storage("plain://")
    unhindered = Registry(disabled=["json"])
    unhindered.register(Plain(codec="json"))
    assert opened(unhindered, "plain://") == "plain://"


def test_registering_another_spi_is_refused() -> None:
    with pytest.raises(PluginIncompatible, match=r"SPI 99\.0"):
        Registry(entry_points=[]).register(Plain(spi=(99, 0)))


@pytest.mark.parametrize("plugin", [object(), Path])
def test_registering_what_implements_nothing_is_refused(plugin: object) -> None:
    with pytest.raises(PluginBroken, match="implements none of the hooks"):
        Registry(entry_points=[]).register(plugin)


def test_registering_a_class_is_refused() -> None:
    with pytest.raises(PluginBroken, match="it is a class"):
        Registry(entry_points=[]).register(Plain)
