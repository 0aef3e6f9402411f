"""The script behind the README's two commands, up to where it would install something."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("adc_run_script", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_can_read_it() -> None:
    source = (ROOT / "run.py").read_text()
    ast.parse(source, feature_version=(3, 7))


@pytest.mark.parametrize("words", [[], ["nothing"]])
def test_it_says_how_it_is_used(words: list[str]) -> None:
    command = [sys.executable, str(ROOT / "run.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "python3 run.py demo" in done.stderr


def test_it_finds_a_new_enough_python(script: ModuleType) -> None:
    assert script.pythons()[0] == sys.executable


def test_without_a_python_it_says_which_is_needed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "VENV", str(tmp_path / "venv"))
    monkeypatch.setattr(script, "pythons", list)
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed"):
        script.make_environment()


def test_where_no_way_works_it_says_what_to_install(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(script, "VENV", str(tmp_path / "venv"))
    monkeypatch.setattr(script, "succeeds", lambda command: "sys.version_info" in str(command))
    with pytest.raises(SystemExit, match="python3-venv"):
        script.make_environment()


def test_a_broken_environment_is_made_anew(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text("")
    monkeypatch.setattr(script, "VENV", str(venv))
    monkeypatch.setattr(script, "PYTHON", str(venv / "bin" / "python"))
    monkeypatch.setattr(script, "pythons", lambda: [sys.executable])
    script.make_environment()
    assert script.succeeds([script.PYTHON, "-c", "import pip"])


@pytest.mark.parametrize(
    ("ci", "user", "apt"),
    [(None, 0, True), ("1", 0, True), ("true", 1_000, True), ("true", 0, False)],
)
def test_servers_are_unpacked_by_root_in_ci_alone(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, ci: str | None, user: int, *, apt: bool
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    found = {"apt-get", "dpkg-deb"} if apt else set[str]()
    monkeypatch.setattr(script.os, "geteuid", lambda: user)
    monkeypatch.setattr(
        script.shutil, "which", lambda name, path=None: name if name in found else None
    )
    monkeypatch.setattr(script, "succeeds", lambda *_: pytest.fail("it ran something"))
    script.unpack_servers()


def test_where_servers_cannot_be_had_it_says_so_and_goes_on(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def fail(command: list[str], limit: float | None = None) -> bool:
        assert limit is not None
        asked.append(command[0])
        return False

    found = {"apt-get", "dpkg-deb"}
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(script, "DEBIAN", str(tmp_path / "debian"))
    monkeypatch.setattr(script.os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        script.shutil, "which", lambda name, path=None: name if name in found else None
    )
    monkeypatch.setattr(script, "succeeds", fail)
    script.unpack_servers()
    assert asked == ["apt-get"]
    assert "skipped" in capsys.readouterr().err


def test_ci_runs_the_readmes_second_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-1] == "python3 run.py test"
    assert "python3 run.py test" in (ROOT / "README.md").read_text()
    assert "python3 run.py demo" in (ROOT / "README.md").read_text()
