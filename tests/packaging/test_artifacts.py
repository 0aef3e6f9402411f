"""What a user gets: the sdist, the wheel made from it, and nothing beside the four packages."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "aide_de_camp": "core",
    "aide_de_camp_backends": "backends",
    "aide_de_camp_codecs": "codecs",
    "aide_de_camp_conformance": "conformance",
}


@frozen
class Artifacts:
    sdist: frozenset[str]
    wheel: frozenset[str]
    metadata: Message
    entry_points: ConfigParser


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Build the sdist, and the wheel from it, with the tools that are installed here."""
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    with tarfile.open(sdist) as archive:
        inside = frozenset(name.partition("/")[2] for name in archive.getnames())
    with zipfile.ZipFile(wheel) as archive:
        names = frozenset(archive.namelist())
        (info,) = {PurePosixPath(name).parts[0] for name in names if ".dist-info/" in name}
        about = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        entry_points = ConfigParser()
        entry_points.read_string(archive.read(f"{info}/entry_points.txt").decode())
    return Artifacts(inside, names, about, entry_points)


def sources(package: str) -> set[str]:
    """The files of a package in the working tree."""
    root = ROOT / FOLDERS[package]
    return {
        path.relative_to(root).as_posix()
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo")
    }


def test_the_wheel_holds_the_four_packages_and_nothing_else(artifacts: Artifacts) -> None:
    tops = {PurePosixPath(name).parts[0] for name in artifacts.wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(FOLDERS)


@pytest.mark.parametrize("package", FOLDERS)
def test_every_file_of_a_package_ships_and_it_is_typed(artifacts: Artifacts, package: str) -> None:
    shipped = {name for name in artifacts.wheel if name.startswith(f"{package}/")}
    assert shipped == sources(package)
    assert f"{package}/py.typed" in shipped
    assert {f"{FOLDERS[package]}/{name}" for name in shipped} <= artifacts.sdist


def test_the_sdist_can_be_tested_and_read(artifacts: Artifacts) -> None:
    for name in (
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "noxfile.py",
        "pyproject.toml",
        "run.py",
        "tests/packaging/test_artifacts.py",
    ):
        assert name in artifacts.sdist
    assert not [name for name in artifacts.sdist if ".venv" in name or "__pycache__" in name]


def test_both_licences_ship(artifacts: Artifacts) -> None:
    assert artifacts.metadata["License-Expression"] == "MIT OR Apache-2.0"
    licences = {PurePosixPath(name).name for name in artifacts.wheel if "/licenses/" in name}
    assert licences == {"LICENSE-APACHE", "LICENSE-MIT"}
    for name in licences:
        assert "The Aide-De-Camp authors" in (ROOT / name).read_text()


def test_entry_points_name_what_ships(artifacts: Artifacts) -> None:
    points = artifacts.entry_points
    assert dict(points["console_scripts"]) == {"adc": "aide_de_camp.cli:main"}
    assert {"memory", "redis", "sqlite"} <= set(points["aide_de_camp.backends"])
    assert {"json", "msgpack", "pydantic"} <= set(points["aide_de_camp.codecs"])
    for group in points.sections():
        for value in points[group].values():
            path = value.partition(":")[0].replace(".", "/")
            assert {f"{path}.py", f"{path}/__init__.py"} & artifacts.wheel, value


def test_extras_are_named_as_the_messages_say(artifacts: Artifacts) -> None:
    extras = set(artifacts.metadata.get_all("Provides-Extra") or ())
    assert {"all", "conformance", "pydantic", "redis", "sqlite"} <= extras


def test_without_extras_no_driver_is_required(artifacts: Artifacts) -> None:
    always = {
        line.lower()
        for line in artifacts.metadata.get_all("Requires-Dist") or ()
        if "extra ==" not in line
    }
    for driver in ("sqlalchemy", "aiosqlite", "pydantic", "pytest", "redis"):
        assert not [line for line in always if line.startswith(driver)]


def test_the_editable_install_is_this_working_tree() -> None:
    import aide_de_camp
    import aide_de_camp_backends
    import aide_de_camp_codecs
    import aide_de_camp_conformance

    for module in (
        aide_de_camp,
        aide_de_camp_backends,
        aide_de_camp_codecs,
        aide_de_camp_conformance,
    ):
        folder = ROOT / FOLDERS[module.__name__] / module.__name__
        assert module.__file__ == str(folder / "__init__.py")
    assert metadata.version("aide-de-camp") == aide_de_camp._version.__version__
