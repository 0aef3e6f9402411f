"""What ends or hangs the process of a requirement fails that one, and costs no other its answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from aide_de_camp_conformance import (
    REQUIREMENTS,
    Outcome,
    codec_command,
    command,
    run_requirement,
    running,
    watching,
)
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.codec_suite.elsewhere import CodecProcess
from aide_de_camp_conformance.codec_suite.running import run_codec_requirement
from aide_de_camp_conformance.command import conformance
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import read
from aide_de_camp_conformance.parallel import Processes
from aide_de_camp_conformance.pool import Pool, Question
from aide_de_camp_conformance.serving import Answer
from aide_de_camp_conformance.watching import Begin, Step

from .misbehaving import WildCodecHarness, WildHarness, announce

ROOT = Path(__file__).parents[2]
ASKED = ("--only", "CAN-1.never", "--only", "PRI-2.time")
DIED = "the process ended with code 3 while this requirement was asked"
HUNG = "it took more than 0.5 s and couldn't be cancelled"
SAID = {
    "exits": DIED,
    "crashes": "the process was ended by SIGSEGV while this requirement was asked",
    "leaves": "SystemExit: 3",
    "loops": f"{HUNG}: its process was killed",
    "sleeps": f"{HUNG}: its process was killed",
    "swallows": f"{HUNG}: its process was killed",
}


def adc(*arguments: object) -> Result:
    return CliRunner().invoke(conformance, [str(each) for each in arguments])


@pytest.fixture
def wild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the plugin, here and in other processes."""
    site = tmp_path / "site"
    announce(site)
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves what hangs half a second, wherever it is asked."""
    short = partial(Processes, time_limit=0.5, patience=0.1)
    monkeypatch.setattr(command, "Processes", short)
    short_of_codec = partial(CodecProcess, time_limit=0.5, patience=0.1)
    monkeypatch.setattr(codec_command, "CodecProcess", short_of_codec)


def fared(form: ReportForm) -> dict[str, str]:
    return {each.id: each.outcome for each in form.requirements}


# --- the command: storages ------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("misdeed", ["exits", "crashes", "leaves"])
def test_a_storage_that_ends_the_process_fails_where_it_does(wild, tmp_path, misdeed, jobs):
    files = [word for kind in ("json", "html", "junit") for word in (f"--{kind}", tmp_path / kind)]
    result = adc("run", f"wild-{misdeed}://", *ASKED, "--jobs", jobs, *files)
    assert result.exit_code == 1, result.output
    form = read(tmp_path / "json")
    assert fared(form) == {"CAN-1.never": "failed", "PRI-2.time": "passed"}
    assert SAID[misdeed] in result.stdout
    assert SAID[misdeed] in (tmp_path / "html").read_text()
    suite = ET.parse(tmp_path / "junit").getroot()[0]  # noqa: S314 (we wrote it)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("misdeed", ["swallows", "loops", "sleeps"])
def test_a_storage_that_hangs_is_killed(wild, hurried, tmp_path, misdeed, jobs):
    file = tmp_path / "json"
    result = adc("run", f"wild-{misdeed}://", *ASKED, "--jobs", jobs, "--json", file)
    assert result.exit_code == 1, result.output
    assert fared(read(file))["CAN-1.never"] == "failed"
    assert SAID[misdeed] in result.stdout


def test_the_place_of_what_died_is_removed(wild, tmp_path, monkeypatch):
    noted = tmp_path / "removed"
    monkeypatch.setenv("ADC_TEST_REMOVED", str(noted))
    result = adc("run", "wild-exits://", *ASKED)
    assert result.exit_code == 1, result.output
    assert "couldn't be removed" not in result.output
    # That of the introduction, of what passed, and of what died.
    assert len(set(noted.read_text().split())) == 3


def test_a_storage_that_ends_the_process_at_opening_can_not_be_opened(wild):
    result = adc("run", "wild-opens://", *ASKED)
    assert result.exit_code == 2
    assert "can't be opened: the process ended with code 3 while opening" in result.stderr


class LateServer:
    """Dies of its first question when it gets the second."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, verb: str, about: str, begin: Begin) -> object:
        if self.asked:
            os._exit(3)
        self.asked.append(verb)
        begin(Step("it", 60))
        return verb

    def close(self) -> None: ...


def test_who_is_asked_as_a_process_dies_of_something_else_is_asked_again():
    with closing(Pool(1, LateServer)) as pool:
        replies = [reply for _, reply in pool.replies([Question("a"), Question("b")])]
    assert replies == [Answer("a"), Answer("b")]


class ForkingServer:
    """Forks at a question, and both go on; or the child ends as children are wont to."""

    def answer(self, verb: str, about: str, begin: Begin) -> object:
        begin(Step("it", 60))
        if verb == "fork" and os.fork() == 0 and about == "exit":
            sys.exit(0)
        return about

    def close(self) -> None: ...


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.parametrize("about", ["exit", "go on"])
def test_a_child_that_was_forked_meanwhile_says_nothing(about):
    asked = [Question("fork", about), Question("a", "1"), Question("a", "2"), Question("a", "3")]
    with closing(Pool(1, ForkingServer)) as pool:
        replies = list(pool.replies(asked))
    assert replies == [(each, Answer(each.about)) for each in asked]


def test_who_interrupts_the_command_leaves_nothing_behind(tmp_path):
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    command = [sys.executable, "-m", "aide_de_camp_conformance", url, "--only", "PRI-3"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        while not list(tmp_path.iterdir()):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
    assert running.returncode == 1
    assert list(tmp_path.iterdir()) == []


# --- the command: codecs --------------------------------------------------------------------------


@pytest.mark.parametrize("misdeed", ["exits", "crashes", "leaves"])
def test_a_codec_that_ends_the_process_fails_where_it_does(wild, tmp_path, misdeed):
    file = tmp_path / "json"
    words = ("--only", "COD-1.name", "--only", "DEC-4.missing", "--json", file)
    result = adc("codec", f"wild-{misdeed}", *words)
    assert result.exit_code == 1, result.output
    told = {each["id"]: each for each in json.loads(file.read_text())["requirements"]}
    assert {id_: each["outcome"] for id_, each in told.items()} == {
        "COD-1.name": "passed",
        "DEC-4.missing": "failed",
    }
    assert told["DEC-4.missing"]["message"] == SAID[misdeed]
    assert SAID[misdeed] in result.stdout


@pytest.mark.parametrize("misdeed", ["loops", "sleeps"])
def test_a_codec_that_hangs_is_killed(wild, hurried, misdeed):
    result = adc("codec", f"wild-{misdeed}", "--only", "DEC-4.missing")
    assert result.exit_code == 1, result.output
    assert SAID[misdeed] in result.stdout


def test_a_codec_that_ends_the_process_where_it_is_bound_is_judged_nevertheless(wild):
    result = adc("codec", "wild-binds", "--only", "COD-1.name", "--only", "DEC-4.missing")
    assert result.exit_code == 1, result.output
    assert "refuses: dict by tuple\n" in result.stdout
    assert DIED in result.stdout


# --- in the process itself, as pytest runs it -----------------------------------------------------


@pytest.mark.parametrize("misdeed", ["swallows", "loops", "sleeps", "leaves"])
def test_what_hangs_here_is_interrupted(monkeypatch, misdeed):
    monkeypatch.setattr(watching, "GRACE", 0.05)
    monkeypatch.setattr(running, "CLOSING", 0.1)
    monkeypatch.setattr(WildHarness, "misdeed", misdeed)
    result = run_requirement(REQUIREMENTS["CAN-1.never"], WildHarness(), time_limit=0.2)
    assert result.outcome is Outcome.FAILED
    said = "AssertionError: it took more than 0.2 s and couldn't be cancelled"
    assert result.message == (SAID["leaves"] if misdeed == "leaves" else said)
    assert run_requirement(REQUIREMENTS["PRI-2.time"], WildHarness()).outcome is Outcome.PASSED


@pytest.mark.parametrize("misdeed", ["loops", "sleeps", "leaves"])
def test_a_codec_that_hangs_here_is_interrupted(monkeypatch, misdeed):
    monkeypatch.setattr(watching, "GRACE", 0.05)
    monkeypatch.setattr(WildCodecHarness, "misdeed", misdeed)
    requirement = CODEC_REQUIREMENTS["DEC-4.missing"]
    result = run_codec_requirement(requirement, WildCodecHarness(), time_limit=0.5)
    assert result.outcome is Outcome.FAILED
    said = f"AssertionError: {HUNG}"
    assert result.message == (SAID["leaves"] if misdeed == "leaves" else said)


IN_PYTEST = """
import pytest
from aide_de_camp_conformance import REQUIREMENTS, running, watching
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.codec import CODEC_REQUIREMENTS, CodecConformance
from tests.kit.misbehaving import WildCodecHarness, WildHarness

watching.GRACE = 0.05
for each in (REQUIREMENTS["CAN-1.never"], CODEC_REQUIREMENTS["DEC-4.missing"]):
    object.__setattr__(each, "time_limit", 0.5)

class TestStorage(BackendConformance): harness = WildHarness
class TestCodec(CodecConformance): harness = WildCodecHarness
"""


def test_pytest_goes_on_after_what_hangs(tmp_path):
    (tmp_path / "test_it.py").write_text(IN_PYTEST)
    words = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={tmp_path}"]
    words += ["-o", f"pythonpath={ROOT}", "--adc-json", str(tmp_path / "json")]
    words += ["-k", "CAN_1_never or PRI_2_time or DEC_4_missing or COD_1_name"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 1, ran.stdout
    assert "2 failed, 2 passed" in ran.stdout
    assert HUNG in ran.stdout
    assert fared(read(tmp_path / "json")) == {"CAN-1.never": "failed", "PRI-2.time": "passed"}


HANGS_IN_A_THREAD = """
from aide_de_camp_conformance import REQUIREMENTS, UrlHarness, run_requirement, running
from aide_de_camp_conformance.requirement import requirement
from tests.kit.misbehaving import swallows

running.CLOSING = 0.1

@requirement("MINE-1.hangs", level=1)
async def hangs(kit):
    "It hangs."
    await kit.elsewhere(swallows)

print(run_requirement(hangs, UrlHarness("memory://"), time_limit=0.2).message)
"""


def test_a_thread_that_hangs_keeps_no_process_from_ending(tmp_path):
    said = script(tmp_path, f"import sys; sys.path.insert(0, {str(ROOT)!r}){HANGS_IN_A_THREAD}")
    assert "OutOfTime: it took more than 0.2 s" in said


def test_another_s_alarm_is_left_alone():
    def ring(*_: object) -> None: ...

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with watching.Watch() as watch:
            watch.begin(watching.Step("it", 60))
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) is ring
    finally:
        signal.signal(signal.SIGALRM, before)


# --- harnesses in scripts -------------------------------------------------------------------------

CODEC_SCRIPT = """
from aide_de_camp_conformance.codec import CodecHarness, run_codec
print("what a module prints is no answer")
class Mine(CodecHarness): name, refuses = "json", ["dict by tuple"]
def main():
    for each in run_codec(Mine(), only=["DEC-7.processes"]):
        print(each.requirement.id, each.outcome.value, each.message)
"""
STORAGE_SCRIPT = """
from aide_de_camp_conformance import UrlHarness, run
from aide_de_camp_conformance.parallel import Processes
from aide_de_camp_conformance.pool import Pool, Question
from aide_de_camp_conformance.serving import Answer
from aide_de_camp_conformance.watching import Begin, Step
class Mine(UrlHarness): template = "memory://{namespace}"
def main():
    for each in run(Mine(), only=["KEP-1.kept"], processes=Processes(2, Mine)).results:
        print(each.requirement.id, each.outcome.value, each.message)
"""
GUARDED = 'if __name__ == "__main__": main()\n'


def script(folder: Path, source: str, *words: str) -> str:
    (folder / "mykit.py").write_text(source)
    command = [sys.executable, *(words or ("mykit.py",))]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("words", [("mykit.py",), ("-m", "mykit")], ids=["file", "module"])
def test_a_codec_harness_in_a_script_is_found_by_other_processes(tmp_path, words):
    said = script(tmp_path, CODEC_SCRIPT + GUARDED, *words)
    assert "DEC-7.processes passed None" in said


@pytest.mark.parametrize("words", [("mykit.py",), ("-m", "mykit")], ids=["file", "module"])
def test_a_harness_in_a_script_is_found_by_other_processes(tmp_path, words):
    assert "KEP-1.kept passed None" in script(tmp_path, STORAGE_SCRIPT + GUARDED, *words)


@pytest.mark.parametrize(
    ("source", "outcome"),
    [(CODEC_SCRIPT, "DEC-7.processes failed"), (STORAGE_SCRIPT, "KEP-1.kept error")],
    ids=["codec", "storage"],
)
def test_a_script_without_a_guard_is_told_what_is_missing(tmp_path, source, outcome):
    said = script(tmp_path, f"{source}main()\n")
    assert said.count(outcome) <= 1
    assert '`if __name__ == "__main__":`' in said


def test_a_codec_harness_in_no_file_is_told_so(tmp_path):
    said = script(tmp_path, "", "-c", f"{CODEC_SCRIPT}main()")
    assert "write the harness into a file" in said
