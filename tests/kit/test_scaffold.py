"""A new backend's distribution: whole at once, and every verb says what it must keep."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aide_de_camp.spi import ConfigurationError, StorageBase
from aide_de_camp_conformance.scaffold import create

VERBS = sorted(StorageBase.__abstractmethods__)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = create("adc-shelf", tmp_path)
    monkeypatch.syspath_prepend(str(made))
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "adc_shelf"]:
        del sys.modules[name]


def test_it_is_a_whole_distribution(place: Path) -> None:
    about = tomllib.loads((place / "pyproject.toml").read_text())
    (scheme, module), *rest = about["project"]["entry-points"]["aide_de_camp.backends"].items()
    assert (scheme, rest) == ("shelf", [])
    (descriptor,) = importlib.import_module(module).adc_storages()
    assert descriptor.scheme == scheme
    assert (place / "adc_shelf" / "py.typed").exists()
    assert "$" not in "".join(path.read_text() for path in place.rglob("*.py"))


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_says_what_to_write(place: Path, verb: str) -> None:
    storage = importlib.import_module("adc_shelf.plugin").connect("shelf://x", {})()
    method = getattr(storage, verb)
    arguments = {
        name: None for name in method.__annotations__ if name not in ("return", "newest_first")
    }
    with pytest.raises(NotImplementedError, match=f"'{verb}' in adc_shelf/storage.py"):
        asyncio.run(method(**arguments))


def test_its_linters_have_nothing_to_say(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "adc_shelf"],
        cwd=place,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "package", "scheme"),
    [("adc-two-words", "adc_two_words", "two-words"), ("Shelf", "shelf", "shelf")],
)
def test_the_scheme_is_made_of_the_name(
    tmp_path: Path, name: str, package: str, scheme: str
) -> None:
    made = create(name, tmp_path)
    assert f'"{scheme}" = "{package}.plugin"' in (made / "pyproject.toml").read_text()
    for path in made.rglob("*.py"):
        compile(path.read_text(), path.name, "exec")


@pytest.mark.parametrize(
    ("name", "scheme", "argument"),
    [
        ("", None, "name"),
        ("../up", "up", "name"),
        ("import", None, "name"),
        ("json", None, "name"),
        ("aide-de-camp-mine", "mine", "name"),
        ("adc-shelf", "Shelf", "scheme"),
        ("adc-shelf", "shelf://", "scheme"),
    ],
)
def test_what_cannot_be_is_refused_and_writes_nothing(
    tmp_path: Path, name: str, scheme: str | None, argument: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create(name, tmp_path, scheme)
    assert caught.value.argument == argument or not name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "scheme", "said"),
    [
        ("pytest-xdist", "mine", "is installed here already, in version"),
        ("PyTest_XDist", "mine", "is installed here already, in version"),
        ("xdist", "mine", "is taken: that of the distribution 'pytest-xdist' is importable here"),
        ("here-already", "mine", r"is taken: .*here_already\.py is importable here"),
        ("adc-memory", None, "memory:// is taken, by aide-de-camp, which is installed"),
        ("adc-shelf", "redis+cluster", r"redis\+cluster:// is taken, by aide-de-camp"),
    ],
)
def test_a_name_of_what_is_installed_is_refused_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str | None, said: str
) -> None:
    site, folder = tmp_path / "site", tmp_path / "folder"
    site.mkdir()
    folder.mkdir()
    (site / "here_already.py").touch()
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(ConfigurationError, match=said):
        create(name, folder, scheme)
    assert list(folder.iterdir()) == []


def test_a_folder_without_code_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert create("shelf", tmp_path) == tmp_path / "shelf"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    made = create("adc-shelf", tmp_path)
    (made / "README.md").write_text("mine")
    with pytest.raises(ConfigurationError, match="there already"):
        create("adc-shelf", tmp_path)
    assert (made / "README.md").read_text() == "mine"


def test_the_command_tells_of_mistakes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aide_de_camp_conformance.scaffold", "json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "is taken" in done.stderr
