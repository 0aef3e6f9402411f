"""Plugins that aren't as they should be: each is reported, and none hinders another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aide_de_camp.plugins import PluginStatus, Registry
from aide_de_camp.spi import (
    SPI_VERSION,
    AideDeCampError,
    ConfigurationError,
    PluginBroken,
    PluginConflict,
    PluginDependencyMissing,
    PluginError,
    PluginIncompatible,
)

from .conftest import HEAD, Distribute, opened

MAJOR, MINOR = SPI_VERSION

GOOD = """
@hookimpl
def adc_storages():
    return [StorageDescriptor("good", SPI_VERSION, lambda url, options: lambda: url)]
"""


def storages(result: str) -> str:
    return f"@hookimpl\ndef adc_storages():\n    return {result}\n"


def backend(**changes: str) -> str:
    fields = {
        "scheme": "'bad'",
        "spi": "SPI_VERSION",
        "connect": "lambda url, options: (lambda: url)",
        **changes,
    }
    return "[StorageDescriptor(" + ", ".join(f"{k}={v}" for k, v in fields.items()) + ")]"


def codecs(factory: str, head: str = "") -> str:
    return (
        f"{head}\n@hookimpl\ndef adc_codecs():\n"
        f"    return [CodecDescriptor('bad', SPI_VERSION, {factory})]\n"
    )


BROKEN = {
    "import error": ("1 / 0", "importing it raised ZeroDivisionError"),
    "exit at import": ("raise SystemExit(3)", "importing it raised SystemExit: 3"),
    "syntax error": ("def", "importing it raised SyntaxError"),
    "own module": ("import adc_bad.nothing", "importing it raised ModuleNotFoundError"),
    "newer core": ("import aide_de_camp.spi.nothing", "aide_de_camp.spi.nothing"),
    "unnamed module": ("raise ModuleNotFoundError('what')", "ModuleNotFoundError: what"),
    "no hook": ("", "its hook adc_storages is missing"),
    "unmarked hook": (
        "def adc_storages():\n    return []",
        "adc_storages isn't marked with aide_de_camp.spi.hookimpl",
    ),
    "misspelt hook": (
        "@hookimpl\ndef adc_storage():\n    return []",
        "no hook adc_storage; did you mean adc_storages?",
    ),
    "unknown hook": (
        GOOD + "@hookimpl\ndef zzz():\n    return []",
        "no hook zzz; there are adc_storages, adc_codecs, adc_event",
    ),
    "default": ("@hookimpl\ndef adc_storages(x=1):\n    return []", "parameter x .* has a default"),
    "keyword-only": (
        "@hookimpl\ndef adc_storages(*, x):\n    return []",
        "parameter x of adc_storages must be an ordinary one",
    ),
    "star": (
        "@hookimpl\ndef adc_storages(*args):\n    return []",
        "parameter args of adc_storages must be an ordinary one",
    ),
    "unknown parameter": (
        "@hookimpl\ndef adc_storages(url):\n    return []",
        r"parameter url of adc_storages is unknown; the hook is adc_storages\(\)",
    ),
    "async": ("@hookimpl\nasync def adc_storages():\n    return []", "is a coroutine function"),
    "async generator": ("@hookimpl\nasync def adc_storages():\n    yield 1", "coroutine function"),
    "wrapper": (
        (
            "import pluggy\n@pluggy.HookimplMarker('aide_de_camp')(wrapper=True)\n"
            "def adc_storages():\n    return (yield)"
        ),
        "must be a plain implementation",
    ),
    "raises": ("@hookimpl\ndef adc_storages():\n    1 / 0", "calling adc_storages raised ZeroDiv"),
    "raises late": ("@hookimpl\ndef adc_storages():\n    yield 1 / 0", "raised ZeroDivisionError"),
    "nothing": (storages("None"), "must return StorageDescriptors in a list, not NoneType"),
    "text": (storages("'bad'"), "not str"),
    "wrong type": (storages("[object()]"), "returned object, not StorageDescriptor"),
    "wrong name": (
        storages(backend(scheme="'worse'")),
        "as 'bad', but adc_storages offers 'worse'",
    ),
    "no descriptor": (storages("[]"), "offers nothing"),
    "name twice": (storages(backend() + "+" + backend()), "a name twice: bad, bad"),
    "name no text": (storages(backend(scheme="7")), "name is 7"),
    "spi no tuple": (storages(backend(spi="'1.0'")), r"spi is '1\.0'; write \(major, minor\)"),
    "spi no numbers": (storages(backend(spi="(1, '0')")), "write .major, minor"),
    "connect no call": (storages(backend(connect="'x'")), "a str where a call is due"),
    "no scratch": (storages(backend(scratch="str")), "must be a Scratch"),
    "capability a list": (storages(backend(capabilities="[]")), "must be a frozenset"),
    "capability no member": (
        storages(backend(capabilities="frozenset({1})")),
        "must be a frozenset",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_backend_is_reported_and_hinders_no_other(
    distribute: Distribute, case: str
) -> None:
    source, words = BROKEN[case]
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]}, version="0.3")
    distribute("adc-good", "adc_good", GOOD, {"backends": ["good"]})
    registry = Registry()
    listed = {line.name: line for line in registry.plugins()}
    assert listed["bad"].status is PluginStatus.BROKEN
    assert (listed["bad"].distribution, listed["bad"].version) == ("adc-bad", "0.3")
    assert listed["good"].status is PluginStatus.OK
    with pytest.raises(PluginBroken, match=words) as caught:
        registry.storage("bad://")
    assert str(caught.value).startswith("backend 'bad', adc-bad 0.3 (adc_bad): ")
    assert caught.value.plugin == "bad"
    assert opened(registry, "good://x") == "good://x"


def test_the_cause_of_a_failed_import_is_chained(distribute: Distribute) -> None:
    distribute("adc-bad", "adc_bad", "1 / 0", {"backends": ["bad"]})
    with pytest.raises(PluginBroken) as caught:
        Registry().storage("bad://")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


CODECS = {
    "no codec": (codecs("object"), "object, which is no Codec"),
    "factory raises": (codecs("lambda: 1 / 0"), "making the codec raised ZeroDivisionError"),
    "another name": (
        codecs("Other", "class Other:\n    name = 'other'\n    def bind(self, t): ..."),
        "its codec calls itself 'other'",
    ),
}


@pytest.mark.parametrize("case", CODECS)
def test_a_broken_codec_is_reported(distribute: Distribute, case: str) -> None:
    source, words = CODECS[case]
    distribute("adc-bad", "adc_bad", source, {"codecs": ["bad"]})
    registry = Registry()
    with pytest.raises(PluginBroken, match=words):
        registry.codec("bad")
    (info,) = (line for line in registry.plugins() if line.name == "bad")
    assert info.status is PluginStatus.BROKEN
    assert info.spi == SPI_VERSION


@pytest.mark.parametrize(
    ("spi", "advice"),
    [
        ((MAJOR + 1, 0), "upgrade aide-de-camp"),
        ((MAJOR, MINOR + 1), "upgrade aide-de-camp"),
    ],
)
def test_another_spi_version_is_refused_naming_both(
    distribute: Distribute, spi: tuple[int, int], advice: str
) -> None:
    distribute("adc-bad", "adc_bad", storages(backend(spi=repr(spi))), {"backends": ["bad"]})
    registry = Registry()
    with pytest.raises(PluginIncompatible, match=advice) as caught:
        registry.storage("bad://")
    for version in (spi, SPI_VERSION):
        assert "SPI " + ".".join(map(str, version)) in str(caught.value)
    (info,) = (line for line in registry.plugins() if line.name == "bad")
    assert info.status is PluginStatus.INCOMPATIBLE


def test_an_older_minor_version_is_refused_while_the_major_one_is_0(
    distribute: Distribute,
) -> None:
    assert MAJOR == 0
    source = storages(backend(spi=repr((MAJOR, MINOR - 1))))
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]})
    with pytest.raises(PluginIncompatible, match=f"{MAJOR}.{MINOR - 1}.*{MAJOR}.{MINOR}"):
        opened(Registry(), "bad://x")


def test_two_claims_to_one_name_are_refused_naming_both(distribute: Distribute) -> None:
    distribute("adc-one", "adc_one", storages(backend()), {"backends": ["bad"]}, version="1.1")
    distribute("adc-two", "adc_two", storages(backend()), {"backends": ["bad"]}, version="2.2")
    registry = Registry()
    with pytest.raises(PluginConflict) as caught:
        registry.storage("bad://")
    assert "adc-one 1.1 (adc_one) and adc-two 2.2 (adc_two)" in str(caught.value)
    statuses = [line.status for line in registry.plugins() if line.name == "bad"]
    assert statuses == [PluginStatus.CONFLICT, PluginStatus.CONFLICT]
    assert opened(Registry(disabled=["adc-two"]), "bad://x") == "bad://x"


EXTRAS = ["Provides-Extra: sea", "Requires-Dist: Sea_Driver>=2; extra == 'sea'"]
MISSING = {
    "import, extra by requirement": (
        "import sea_driver.x",
        EXTRAS,
        r"pip install 'adc-bad\[sea\]'",
    ),
    "import, extra by name": ("import gone_fishing", ["Provides-Extra: bad"], r"'adc-bad\[bad\]'"),
    "import, no extra": ("import gone_fishing", [], "install the distribution that provides it"),
    "connect": (
        "def connect(url, options):\n    import gone_fishing\n"
        + storages(backend(connect="connect", extra="'sea'")),
        EXTRAS,
        r"'gone_fishing'.*pip install 'adc-bad\[sea\]'",
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_missing_driver_names_the_extra(distribute: Distribute, case: str) -> None:
    source, lines, words = MISSING[case]
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]}, metadata=lines)
    registry = Registry()
    with pytest.raises(PluginDependencyMissing, match=words) as caught:
        registry.storage("bad://")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    (info,) = (line for line in registry.plugins() if line.name == "bad")
    assert info.status is PluginStatus.MISSING_DEPENDENCY


def test_a_driver_may_be_missing_only_when_a_storage_is_made(distribute: Distribute) -> None:
    source = "def make():\n    import gone_fishing\n" + storages(
        backend(connect="lambda url, options: make", extra="'sea'")
    )
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]}, metadata=EXTRAS)
    opener = Registry().storage("bad://")
    with pytest.raises(PluginDependencyMissing, match=r"pip install 'adc-bad\[sea\]'"):
        opener()


def test_the_listing_sees_a_missing_driver_without_importing_it(distribute: Distribute) -> None:
    source = storages(backend(extra="'sea'", summary="'Deep'"))
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]}, metadata=EXTRAS)
    (info,) = (line for line in Registry().plugins() if line.name == "bad")
    assert info.status is PluginStatus.MISSING_DEPENDENCY
    assert "sea-driver" in info.detail
    assert "pip install 'adc-bad[sea]'" in info.detail
    assert info.summary == "Deep"
    distribute("sea-driver", "sea_driver", "", {})
    assert {line.status for line in Registry().plugins() if line.name == "bad"} == {PluginStatus.OK}


def test_an_object_without_a_distribution_names_our_extra() -> None:
    import types

    module = types.ModuleType("loose")
    source = "def connect(url, options):\n    import gone_fishing\n" + storages(
        backend(connect="connect", extra="'sqlite'")
    )
    exec(HEAD + source, module.__dict__)  # noqa: S102 - a plugin's module, made by hand
    registry = Registry(entry_points=[])
    registry.register(module)
    with pytest.raises(PluginDependencyMissing, match=r"pip install 'aide-de-camp\[sqlite\]'"):
        registry.storage("bad://")
    assert [line.status for line in registry.plugins()] == [PluginStatus.OK]


URL = "bad://scott:ti%40ger@host/x?password=lion&mode=fast"
LEAKS = {
    "configuration": ("ConfigurationError('url', f'odd {url}: ti@ger, lion')", ConfigurationError),
    "other of ours": ("StorageError(f'odd {url}')", ConfigurationError),
    "other": ("RuntimeError(f'odd {url}')", PluginBroken),
}


@pytest.mark.parametrize("case", LEAKS)
def test_no_secret_of_a_url_gets_into_a_message(distribute: Distribute, case: str) -> None:
    said, kind = LEAKS[case]
    source = f"def connect(url, options):\n    raise {said}\n" + storages(
        backend(connect="connect")
    )
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]})
    with pytest.raises(kind) as caught:
        Registry().storage(URL)
    error: AideDeCampError = caught.value
    assert "odd bad://***@host/x?password=***&mode=fast" in str(error)
    assert error.__cause__ is None
    for secret in ("ti%40ger", "ti@ger", "lion", "scott"):
        assert secret not in str(error)


def test_a_backends_own_errors_pass_as_they_are(distribute: Distribute) -> None:
    source = "def connect(url, options):\n    raise ConfigurationError('mode', 'no such')\n"
    distribute(
        "adc-bad", "adc_bad", source + storages(backend(connect="connect")), {"backends": ["bad"]}
    )
    with pytest.raises(ConfigurationError) as caught:
        Registry().storage(URL)
    assert caught.value.argument == "mode"


def test_connect_must_give_an_opener(distribute: Distribute) -> None:
    source = storages(backend(connect="lambda url, options: 7"))
    distribute("adc-bad", "adc_bad", source, {"backends": ["bad"]})
    with pytest.raises(PluginBroken, match="connect returned int, not an opener"):
        Registry().storage(URL)


def test_a_fresh_process_lists_good_and_bad(distribute: Distribute, site: Path) -> None:
    distribute("adc-bad", "adc_bad", "raise SystemExit", {"backends": ["bad"]})
    distribute("adc-good", "adc_good", GOOD, {"backends": ["good"]})
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from aide_de_camp.plugins import Registry\n"
        "for line in Registry().plugins(): print(line.name, line.status.value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"bad broken", "good ok"} <= set(done.stdout.splitlines())


def test_every_error_of_a_plugin_is_a_plugin_error() -> None:
    for kind in (PluginBroken, PluginConflict, PluginDependencyMissing, PluginIncompatible):
        assert issubclass(kind, PluginError)
