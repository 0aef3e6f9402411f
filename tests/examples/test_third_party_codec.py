"""A stranger's codec: built, installed beside us, found by its entry point, judged and used."""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.version import KIT_VERSION, digest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "third_party_codec"
SECRET = "Rosinante-4711"
OLD, NEW = (
    f"{name}={base64.b64encode(bytes([at]) * 32).decode()}" for name, at in (("old", 1), ("new", 2))
)

APPLICATION = """
import asyncio, json, sys
from attrs import frozen
from aide_de_camp import DecodeError, JobContext, JobRouter, JobRunner, open_queue

@frozen
class Letter:
    to: str

router = JobRouter()
seen = []

@router.job("letter")
async def send(letter: Letter, job: JobContext) -> None:
    seen.append(letter.to)

async def main(url, verb, *arguments):
    async with open_queue(url, codec="sealed") as queue:
        if verb == "schedule":
            print(json.dumps(str(await queue.schedule(send, Letter(*arguments)))))
        elif verb == "requeue":
            from uuid import UUID
            await queue.dead.requeue(UUID(arguments[0]))
        elif verb == "run":
            await JobRunner(queue, router).drain()
            print(json.dumps(seen))

asyncio.run(main(*sys.argv[1:]))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build its wheel with the tools that are here, and unpack that where only these tests look."""
    folder = tmp_path_factory.mktemp("sealed")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    done = subprocess.run([*command, folder, EXAMPLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Run Python where the distribution is installed."""

    def run(
        *arguments: object, keys: str | None = OLD, env: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(installed), *filter(None, sys.path)])
        settings = {**os.environ, "PYTHONPATH": path, **env}
        settings.pop("ADC_SEALED_KEYS", None)
        if keys is not None:
            settings["ADC_SEALED_KEYS"] = keys
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True)

    return run


def answer(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def plugin(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    (found,) = [each for each in json.loads(answer(done))["plugins"] if each["name"] == "sealed"]
    return dict(found)


def test_it_is_listed_and_says_what_it_lacks(run: Run):
    listed = plugin(run("-m", "aide_de_camp", "plugins", "--json"))
    assert (listed["kind"], listed["status"]) == ("codec", "ok")
    assert listed["distribution"] == "adc-sealed"
    lacking = plugin(run("-m", "aide_de_camp", "plugins", "--json", keys=None))
    assert lacking["status"] == "broken"
    assert "ADC_SEALED_KEYS" in str(lacking["detail"])


@pytest.mark.parametrize(
    "keys", ["hunter2", "a=hunter2", "=aHVudGVyMg==", "aHVudGVyMg==", f"{OLD},{OLD}"]
)
def test_no_message_shows_a_key(run: Run, keys: str):
    detail = str(plugin(run("-m", "aide_de_camp", "plugins", "--json", keys=keys))["detail"])
    assert "ADC_SEALED_KEYS" in detail
    for part in ("hunter2", "aHVudGVyMg", OLD.partition("=")[2]):
        assert part not in detail


def test_it_imports_nothing_of_us_but_the_spi():
    sources = [each.read_text() for each in (EXAMPLE / "src").rglob("*.py")]
    imported = {
        name
        for text in sources
        for name in re.findall(r"(?:from|import) (aide_de_camp[\w.]*)", text)
    }
    assert imported == {"aide_de_camp.spi"}


def test_a_lost_key_keeps_the_job_and_the_key_given_back_runs_it(run: Run, tmp_path: Path):
    file = tmp_path / "jobs.db"
    url = f"sqlite:///{file}"
    (tmp_path / "application.py").write_text(APPLICATION)
    first = json.loads(answer(run("application.py", url, "schedule", SECRET)))
    written = _payloads(file)
    assert written
    stored = b"".join(each.read_bytes() for each in tmp_path.glob("jobs.db*"))
    assert SECRET.encode() not in stored
    assert b"letter" in stored, "not the file in which the jobs are"

    # The key is gone: the job is dead, its bytes are kept, and the error tells which key it was.
    done = run("application.py", url, "run", keys=NEW)
    assert json.loads(answer(done)) == []
    assert SECRET not in done.stderr
    (dead,) = json.loads(
        answer(run("-m", "aide_de_camp", "dead", "list", "--messages", "--queue", url, "--json"))
    )["jobs"]
    assert (dead["id"], dead["reason"]) == (first, "decode")
    assert "key 'old'" in json.dumps(dead)
    assert _payloads(file) == written

    # It is given back, and another one writes now.
    both = f"{OLD},{NEW}"
    answer(run("application.py", url, "requeue", first, keys=both))
    second = json.loads(answer(run("application.py", url, "schedule", "the second", keys=both)))
    assert second != first
    assert any(b"\x03new" in each for each in _payloads(file))
    assert sorted(json.loads(answer(run("application.py", url, "run", keys=both)))) == [
        SECRET,
        "the second",
    ]


def _payloads(file: Path) -> list[bytes]:
    connection = sqlite3.connect(file)
    try:
        tables = [
            name
            for (name,) in connection.execute("select name from sqlite_master where type='table'")
        ]
        found = []
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                found += [each for each in row if isinstance(each, bytes) and each[:1] == b"\x01"]
        return found
    finally:
        connection.close()


TAMPERED = """
import base64
from aide_de_camp.spi import DecodeError
from aide_de_camp import Registry
import os
codec = Registry().codec("sealed")
ready = codec.bind(str)
data = ready.encode("Rosinante-4711")
assert ready.decode(data) == "Rosinante-4711"
assert data != ready.encode("Rosinante-4711"), "the same nonce twice"
def refuse(ready, data):
    try:
        ready.decode(data)
    except DecodeError as error:
        assert "Rosinante" not in repr(error) + str(error.detail), error
        assert error.__cause__ is error.__context__ is None
        return str(error)
    raise AssertionError("it was decoded")
for at in range(len(data)):
    refuse(ready, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
    refuse(ready, data[:at])
assert "key 'old'" in refuse(ready, data[:-1])
# The same id, another key; the same key, another id.
os.environ["ADC_SEALED_KEYS"] = "old=" + base64.b64encode(b"x" * 32).decode()
assert "another key had this id" in refuse(Registry().codec("sealed").bind(str), data)
os.environ["ADC_SEALED_KEYS"] = "odd=" + base64.b64encode(bytes([1]) * 32).decode()
forged = data.replace(b"old", b"odd")
assert "another key had this id" in refuse(Registry().codec("sealed").bind(str), forged)
assert "isn't here" in refuse(Registry().codec("sealed").bind(str), data)
"""


def test_what_was_changed_or_has_another_key_is_refused(run: Run):
    answer(run("-c", TAMPERED))


def test_the_kit_judges_it_by_its_own_four_lines(run: Run):
    done = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        EXAMPLE / "tests",
        "--rootdir",
        EXAMPLE,
        keys=None,
    )
    assert done.returncode == 0, done.stdout
    # Only what it doesn't declare, that it is deterministic, isn't asked.
    assert re.search(r"\b31 passed, 1 skipped\b", done.stdout), done.stdout


def test_its_published_report_is_of_this_kit():
    """That it still says what is found the test before sees: all hold there, as here."""
    told = json.loads((EXAMPLE / "conformance.json").read_text())
    assert told["kit"]["version"] == KIT_VERSION
    assert told["kit"]["digest"] == digest(CODEC_REQUIREMENTS)
    assert (told["codec"], told["holds"]) == ("sealed", True)
    assert {each["id"] for each in told["requirements"]} == CODEC_REQUIREMENTS.keys()
