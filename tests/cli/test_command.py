"""The command as a whole: versions, errors in one line, secrets, and what it imports."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from aide_de_camp import __version__
from aide_de_camp.cli import main, shapes
from aide_de_camp.cli.failures import OneLineErrors
from aide_de_camp.cli.options import Duration, Moment
from aide_de_camp.cli.text import one_line, safe, short, size

from .conftest import Adc, command, loaded

PASSWORD = "hunter2-secret"


def test_version(adc: Adc) -> None:
    assert adc("--version").stdout == f"adc {__version__}\n"


def test_python_m_is_the_command() -> None:
    told = subprocess.run(command("--version"), text=True, capture_output=True, check=True)
    assert told.stdout == f"adc {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    """Nobody waits for a driver to read a page of help."""
    program = (
        "import sys; before = set(sys.modules); from aide_de_camp.cli import main\n"
        "main(['jobs', 'list', '--help'], standalone_mode=False)\n"
        "heavy = {'sqlalchemy', 'aiosqlite', 'sqlite3', 'msgspec', 'rich', 'pydantic'}\n"
        "sys.exit(' '.join(heavy & sys.modules.keys() - before) or 0)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert "--cursor" in told.stdout


def test_the_page_of_the_command_names_every_command_and_flag() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    for name, each in main.commands.items():
        below = each.commands if isinstance(each, click.Group) else {}
        assert f"`adc {name}" in page
        assert [verb for verb in below if not re.search(rf"`(adc {name} )?{verb}\b", page)] == []
    flags = re.findall(r'flags\.append\("([a-z-]+)"\)', inspect.getsource(shapes))
    assert len(flags) == 5
    assert [flag for flag in flags if f"| `{flag.replace('-', ' ')}` |" not in page] == []


def test_a_queue_must_be_named() -> None:
    told = subprocess.run(command("jobs", "list"), check=False, capture_output=True, text=True)
    assert told.returncode == 2
    assert "--queue" in told.stderr
    assert "ADC_QUEUE" in told.stderr


@pytest.mark.parametrize(
    "url",
    [
        f"nosuch://user:{PASSWORD}@host/db",
        f"sqlite://user:{PASSWORD}@host/db",
        f"sqlite:///jobs.db?password={PASSWORD}",
    ],
)
@pytest.mark.parametrize("options", [(), ("--debug",)])
def test_no_error_shows_a_password(adc: Adc, url: str, options: tuple[str, ...]) -> None:
    for words in (("jobs", "list"), ("migrate",), ("dead", "list")):
        result = adc(*options, *words, "--queue", url)
        assert result.exit_code == 1
        assert PASSWORD not in result.output
        assert result.stderr.splitlines()[-1].startswith("adc: error: ")
        assert ("Traceback" in result.stderr) == bool(options)


def test_an_error_is_one_line(adc: Adc, tmp_path: Path) -> None:
    result = adc("migrate", "--queue", f"sqlite:///{tmp_path}/no/such.db")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "create it" in result.stderr


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (ValueError("payload words"), 1, "adc: error: an unexpected ValueError: run 'adc --debug"),
        (PermissionError(13, "no"), 1, "adc: error: [Errno 13] no"),
        (KeyboardInterrupt(), 130, "adc: interrupted"),
        (click.UsageError("so not"), 2, "Usage:"),
    ],
)
def test_whatever_a_command_raises(raised: BaseException, code: int, said: str) -> None:
    @click.group(cls=OneLineErrors)
    def group() -> None: ...

    @group.command()
    def fails() -> None:
        raise raised

    result = CliRunner().invoke(group, ["fails"])
    assert result.exit_code == code
    assert result.stderr.startswith(said)
    assert "payload words" not in result.output


def test_migrate(adc: Adc, url: str) -> None:
    first = loaded(adc("migrate", "--json"))
    assert first == {"queue": url, "found": 0, "left": first["left"], "changed": True}
    assert first["left"] >= 1
    assert "up to date" in adc("migrate").stdout
    assert adc("jobs", "list").exit_code == 0
    assert "has no schema" in adc("migrate", "--queue", "memory://").stdout


def test_migrate_says_what_it_did(adc: Adc) -> None:
    assert "migrated from schema version 0 to" in adc("migrate").stdout


def test_a_private_storage_has_nothing_to_show(adc: Adc) -> None:
    result = adc("jobs", "list", "--queue", "memory://mine")
    assert result.exit_code == 1
    assert "live within the process" in result.stderr


def test_plugins(adc: Adc) -> None:
    found = {
        (each["kind"], each["name"]): each for each in loaded(adc("plugins", "--json"))["plugins"]
    }
    assert found["backend", "sqlite"]["status"] == "ok"
    assert found["backend", "sqlite"]["capabilities"] == [
        "DUR-1",
        "DUR-2",
        "MOV-1",
        "SHR-1",
        "TXN-1",
        "WAK-1",
    ]
    assert found["backend", "sqlite"]["spi"] == "0.1"
    assert found["codec", "json"]["version"] == __version__
    assert adc("plugins", "--check").exit_code == 0


def test_plugins_tells_of_a_broken_one(
    adc: Adc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adc_broken_thing.py").write_text("raise RuntimeError('no')\n")
    info = tmp_path / "adc_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adc-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[aide_de_camp.backends]\nthing = adc_broken_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    told = adc("plugins")
    assert told.exit_code == 0
    assert "backend thing: " in told.stdout
    assert adc("plugins", "--check").exit_code == 1
    assert adc("plugins", "--check", ADC_DISABLE_PLUGINS="thing").exit_code == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("500ms", 0.5), ("5s", 5), ("2m", 120), ("1.5h", 5400), ("7d", 604_800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5s", "5 s", "366d", "1e3"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T18:00Z", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("2026-01-31T18:00:30.5+01:00", datetime(2026, 1, 31, 17, 0, 30, 500_000, tzinfo=UTC)),
        ("2026-01-31 18:00-02:00", datetime(2026, 1, 31, 20, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert Moment().convert(text, None, None) == moment


@pytest.mark.parametrize(("text", "hours"), [("-1h", -1), ("+2d", 48), ("-90m", -1.5), ("+0", 0)])
def test_moments_from_now(text: str, hours: float) -> None:
    before = datetime.now(UTC)
    found = Moment().convert(text, None, None) - timedelta(hours=hours)
    assert before <= found <= datetime.now(UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-01-31", "2026-01-31T18:00", "1h", "-", "+1y", "-366d", "- 1h",
             "+" + "9" * 400 + "d"]
)  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Moment().convert(text, None, None)


def test_texts_for_people() -> None:
    assert safe("a\x1b[31m\tb\n\x00é") == "a\\x1b[31m\tb\n\\x00é"
    assert one_line(" a\n  b\x07") == "a b\\x07"
    assert [short(timedelta(seconds=each)) for each in (0.2, 59, 61, 7_200, 200_000)] == [
        "0s", "59s", "1m", "2h", "2d",
    ]  # fmt: skip
    assert [size(each) for each in (0, 1_023, 1_024, 3_500_000, 5 * 2**40)] == [
        "0 B", "1023 B", "1.0 KiB", "3.3 MiB", "5.0 TiB",
    ]  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_goes_away_is_no_error(adc: Adc, url: str, options: tuple[str, ...]) -> None:
    assert adc("migrate").exit_code == 0
    reading, writing = os.pipe()
    os.close(reading)
    words = command("jobs", "list", "--queue", url, *options)
    done = subprocess.run(words, check=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.stderr == b""
