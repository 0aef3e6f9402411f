"""The kit leaves no folder behind, also where it ends in another way than it meant to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from aide_de_camp_conformance import UrlHarness
from aide_de_camp_conformance.command import conformance
from aide_de_camp_conformance.parallel import Processes

URL = "sqlite:///{folder}/{namespace}.db"
Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where temporary folders are made."""
    made = tmp_path / "temporary"
    made.mkdir()
    return made


@pytest.fixture
def python(tmp_path: Path, folder: Path) -> Python:
    return partial(
        _run,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )


def _run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(
    "url", ["memory://{namespace}?a=b", "sqlite:///{folder}/{namespace}.db?a=b"]
)
def test_a_wrong_call_leaves_nothing(python: Python, folder: Path, url: str) -> None:
    suite = ("--pyargs", "aide_de_camp_conformance.suite_tests", "-k", "PRI_2")
    settings = ("-q", "-p", "no:cacheprovider", "--assert=plain")
    ran = python("-m", "pytest", *settings, *suite, f"--adc-url={url}")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR, ran.stdout
    assert list(folder.iterdir()) == []
    ran = python("-m", "aide_de_camp_conformance", url)
    assert ran.returncode == 2, ran.stdout
    assert list(folder.iterdir()) == []


def test_a_harness_that_nobody_closes_leaves_nothing(python: Python, folder: Path) -> None:
    program = (
        "from aide_de_camp_conformance import UrlHarness\n"
        f"harness = UrlHarness({URL!r})\n"
        "(harness.folder / 'some').touch()\n"
        "raise SystemExit(str(harness.folder))"
    )
    ran = python("-c", program)
    assert ran.stderr.strip().startswith(str(folder / "adc-kit-"))
    assert list(folder.iterdir()) == []


def test_a_forked_child_that_ends_takes_nothing_away(python: Python, folder: Path) -> None:
    program = (
        "import os, sys\n"
        "from aide_de_camp_conformance import UrlHarness\n"
        f"harness = UrlHarness({URL!r})\n"
        "child = os.fork()\n"
        "if not child: sys.exit()\n"
        "os.waitpid(child, 0)\n"
        "assert harness.folder.is_dir()"
    )
    ran = python("-W", "ignore", "-c", program)
    assert ran.returncode == 0, ran.stderr
    assert list(folder.iterdir()) == []


def test_a_folder_that_was_given_is_left(tmp_path: Path) -> None:
    harness = UrlHarness(URL, folder=tmp_path)
    assert harness.url("adc_kit_1") == f"sqlite:///{tmp_path}/adc_kit_1.db"
    harness.close()
    assert tmp_path.is_dir()


def test_processes_that_are_killed_leave_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them has something in its folder by then."""
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("aide_de_camp_conformance.command.Processes", _killed)
    ended = CliRunner().invoke(conformance, ["run", URL, "--jobs", "2", "--only", "PRI-2"])
    assert ended.exit_code == 2, ended.output
    assert "the process ended with code 3" in ended.output
    assert list(folder.iterdir()) == []


def _killed(jobs: int, make: Callable[[], UrlHarness]) -> Processes:
    return Processes(jobs, partial(_make_and_die, make))


def _make_and_die(make: Callable[[], UrlHarness]) -> UrlHarness:
    (make().folder / f"of {os.getpid()}").touch()
    os._exit(3)
