"""The tutorial is followed: its files are written, its commands run, and what they show is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "tutorial" / "write-a-backend.md"
LEFT_OUT: Final = "..."
BLOCK: Final = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def lines_of(text: str) -> list[str]:
    """What is said, however wide its columns are; lines of a table alone count as any other."""
    lines = (re.sub(r"([━─])\1+", r"\1", " ".join(each.split())) for each in text.splitlines())
    return [line for line in lines if line]


def is_shown(shown: list[str], said: list[str]) -> bool:
    """Whether the page shows what is said, ``...`` standing for at least one line left out."""
    if not shown:
        return not said
    if shown[0] == LEFT_OUT:
        return any(is_shown(shown[1:], said[start:]) for start in range(1, len(said) + 1))
    return said[:1] == shown[:1] and is_shown(shown[1:], said[1:])


class Reader:
    """Somebody who follows the page in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.commands = 0

    def follow(self, kind: str, words: str, text: str) -> None:
        if kind == "console":
            self.run_all(text)
            return
        match = re.fullmatch(r" file=(\S+)( append)?", words)
        assert match is not None, f"a block of {kind} that nobody follows"
        file = self.folder / match[1]
        assert file.exists(), f"the scaffold makes no {match[1]}"
        file.write_text(f"{file.read_text()}\n{text}" if match[2] else text)

    def run_all(self, text: str) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            said = self.run(command)
            self.commands += 1
            assert is_shown(lines_of(shown), said), f"{command!r} says {said}"

    def run(self, command: str) -> list[str]:
        """Run a command; gives the lines that it says."""
        if command.startswith("cd "):
            self.folder /= command.removeprefix("cd ")
            return []
        if command.startswith("pip install "):
            self.install()
            return ["what pip says"]
        places = [str(self.folder), str(self.site), os.environ.get("PYTHONPATH", "")]
        bin_folder = str(Path(sys.executable).parent)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, places)),
            "PATH": os.pathsep.join([bin_folder, os.environ["PATH"]]),
            "COLUMNS": "200",
        }
        done = subprocess.run(  # noqa: S602 - the page's own words
            command,
            shell=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
        )
        return lines_of(done.stdout + done.stderr)

    def install(self) -> None:
        """What an editable install does, without a network: only the metadata is elsewhere."""
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
        done = subprocess.run(build, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        (wheel,) = (self.folder / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            about = [name for name in archive.namelist() if ".dist-info/" in name]
            archive.extractall(self.site, about)


def test_what_is_left_out_is_marked() -> None:
    said = ["a", "b", "c"]
    for shown in (["a", "b", "c"], ["a", "...", "c"], ["..."], ["...", "c"], ["a", "..."]):
        assert is_shown(shown, said)
    for shown in ([], ["a", "b"], ["b", "c"], ["a", "c"], ["a", "b", "c", "..."], ["...", "d"]):
        assert not is_shown(shown, said)


def test_it_can_be_followed_from_beginning_to_end(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text())
    assert [kind for kind, _, _ in blocks].count("python") == 6
    for block in blocks:
        reader.follow(*block)
    assert reader.commands == 10
