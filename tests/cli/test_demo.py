"""``adc demo``, on real files."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp import EventKind, JobState, Registry, open_queue
from aide_de_camp.demo.files import FEWEST_FILES, MOST_FILES, find_files
from aide_de_camp.demo.jobs import File
from aide_de_camp.demo.report import in_order, runs
from aide_de_camp.demo.story import CANCELLED, play
from aide_de_camp.demo.watching import Watcher

from .conftest import CANARY, Adc, command, in_terminal, loaded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty files of different sizes, with a secret in each; temporary files go beside it."""
    made = tmp_path / "folder"
    (made / "sub").mkdir(parents=True)
    for number in range(20):
        place = made / "sub" if number % 2 else made
        (place / f"file{number}.txt").write_text(f"{CANARY}\n" * 2 ** (number % 7))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return made


def test_it_tells_what_happened(adc: Adc, folder: Path) -> None:
    result = adc("demo", folder)

    assert result.exit_code == 0, result.output
    told = result.stdout
    assert f"20 files in {folder}" in told
    assert re.search(r"completed +18 ", told)
    assert re.search(r"cancelled +3 ", told)
    assert re.search(r"dead +1 ", told)
    assert "In order: none ran before one of a higher priority." in told
    assert re.search(r"\n  60, 1\d", told)
    assert len(re.findall(r"^  (?:sub/)?file\d+\.txt \(.*\)$", told, re.MULTILINE)) == 3
    assert "dead, reason decode (DecodeError)" in told
    assert "completed after 2 retries" in told
    assert re.search(r"scheduled 22 jobs in .* jobs/s\)", told)
    assert re.search(r"ran 21 attempts in .* 2 of them retried", told)


def test_it_shows_no_content_and_no_bar_in_a_pipe(adc: Adc, folder: Path) -> None:
    result = adc("demo", folder)
    assert CANARY not in result.output
    assert "\x1b" not in result.output
    assert "━" not in result.output
    assert result.stderr == ""


def test_the_commands_that_it_names_work(adc: Adc, folder: Path) -> None:
    told = adc("demo", folder).stdout
    lines = [line.strip() for line in told.splitlines() if line.startswith("  adc ")]
    assert len(lines) == 3
    outputs: list[str] = []
    for line in lines:
        words = command(*shlex.split(line)[1:])
        outputs.append(
            subprocess.run(words, check=True, text=True, capture_output=True, cwd="/").stdout
        )
    listed, counted, shown = outputs
    assert len(listed.splitlines()) == 13  # the headings, ten jobs, and how to go on
    assert counted.splitlines()[-1].split() == ["all", "0", "0", "18", "3", "1"]
    assert "DecodeError" in shown


def test_its_jobs_can_be_run_by_a_worker_too(adc: Adc, folder: Path) -> None:
    """DEC-5: what is dead can be requeued; the same bytes are as bad as before."""
    told = adc("demo", folder).stdout
    found = re.search(r"adc dead show (\S+) --queue (\S+)", told)
    assert found is not None
    job_id, url = found.groups()
    assert adc("dead", "requeue", job_id, "--queue", url).exit_code == 0
    worker = command("worker", "aide_de_camp.demo.jobs:router", "--queue", url, "--burst")
    subprocess.run(worker, check=True, capture_output=True)
    (job,) = loaded(adc("jobs", "show", job_id, "--queue", url, "--json"))["jobs"]
    assert (job["state"], job["reason"], job["claims"]) == ("dead", "decode", 2)


def test_in_somebodys_storage_it_keeps_to_its_own_queue(adc: Adc, folder: Path, url: str) -> None:
    first = adc("demo", folder, "--queue", url).stdout
    second = adc("demo", folder, "--queue", url).stdout
    names = re.findall(r"Queue +(demo-\w+) in ", first + second)
    assert len(set(names)) == 2
    for name in names:
        counts = loaded(adc("jobs", "counts", "--name", name, "--json"))
        assert counts["by_state"]["completed"] == 18
        assert counts["total"] == 22
    assert loaded(adc("jobs", "counts", "--json"))["total"] == 0
    assert f"--name {names[0]}" in first


def test_in_memory_it_names_no_command_that_cannot_work(adc: Adc, folder: Path) -> None:
    result = adc("demo", folder, "--queue", "memory://")
    assert result.exit_code == 0
    assert re.search(r"completed +18 ", result.stdout)
    assert "  adc " not in result.stdout
    assert "memory, and is gone with it" in result.stdout
    assert "--queue sqlite:///demo.db" in result.stdout


@pytest.mark.parametrize("count", [0, 1, FEWEST_FILES - 1])
def test_few_files_are_eked_out(adc: Adc, folder: Path, tmp_path: Path, count: int) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for number in range(count):
        (few / f"{number}").touch()
    result = adc("demo", few)
    assert result.exit_code == 0
    assert f"{count} file{'' if count == 1 else 's'} in {few}" in result.stdout
    assert "of Aide-De-Camp's own are taken too" in result.stdout
    assert re.search(r"cancelled +3 ", result.stdout)


def test_on_a_terminal_of_eighty_columns(folder: Path) -> None:
    code, shown = in_terminal(["demo", folder], environment={"TMPDIR": "/tmp"})  # noqa: S108
    assert code == 0, shown
    assert "━" in shown
    assert "22/22" in shown
    lines = re.split(r"[\n\r]", shown.replace(str(folder), "folder"))
    assert max(map(len, lines)) <= 80
    for left in re.findall(r"rm -r (\S+)", shown):
        subprocess.run(["rm", "-r", left], check=True)


def test_a_folder_must_be_one(adc: Adc, tmp_path: Path) -> None:
    assert adc("demo", tmp_path / "nix").exit_code == 2


def test_an_unreadable_file_cancels_its_job(
    adc: Adc, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RET-6: a handler may say that its job is not needed, and why."""
    real: Any = Path.open

    def refuse(path: Path, *arguments: str, **options: str) -> object:
        if path.name == "file0.txt":
            raise PermissionError(13, "no")
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    result = adc("demo", folder)
    assert result.exit_code == 0
    assert re.search(r"cancelled +4  1 of them by their handler: unreadable files", result.stdout)


# --- its parts ---------------------------------------------------------------------------------


def test_what_is_skipped(folder: Path) -> None:
    kept = {file.path for file in find_files(folder).files}
    for name in (".git", ".hidden", "__pycache__", "node_modules", "myenv"):
        (folder / name).mkdir()
        (folder / name / "f").touch()
    (folder / "myenv" / "pyvenv.cfg").touch()
    (folder / "link").symlink_to(folder / "file0.txt")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).touch()
    found = find_files(folder)
    assert {file.path for file in found.files} == kept
    assert (len(kept), found.own, found.more) == (20, 0, False)


def test_at_most_so_many(folder: Path) -> None:
    for number in range(MOST_FILES):
        (folder / f"more{number}").touch()
    found = find_files(folder)
    assert len(found.files) == MOST_FILES
    assert found.more


def test_how_the_order_is_told() -> None:
    assert runs([60, 9, 9, 9, 3]) == "60, 9 x3, 3"
    assert runs(range(40, 0, -1)).endswith("17, and 16 runs more")
    assert in_order([5, 5, 2])
    assert not in_order([5, 2, 5])


def test_interrupting_it_gives_the_jobs_back(folder: Path, tmp_path: Path, url: str) -> None:
    """LIV-1: no job is lost with Ctrl-C; a handler stuck in a thread is left to itself."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = [File(str(pipe), 1) for _ in range(CANCELLED + 2)]
    watcher, registry = Watcher(), Registry()
    registry.register(watcher)
    shown: list[int] = []

    class Shown:
        def show(self, ended: int, retried: int, dead: int) -> None:
            shown.append(ended)

    async def interrupted() -> dict[JobState, int]:
        async with open_queue(url, registry=registry) as queue:
            playing = asyncio.create_task(play(queue, watcher, files, Shown()))
            while not shown or watcher.kinds[EventKind.COMPLETED] < 1:
                await asyncio.sleep(0.01)
            playing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await playing
            return (await queue.count_jobs()).by_state

    states = asyncio.run(interrupted())
    os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))  # lets the handlers' threads end
    assert states[JobState.SCHEDULED] == 2
    assert states[JobState.CANCELLED] == CANCELLED
    assert states[JobState.RUNNING] == 0
