"""Makes a report of what pytest ran, also where pytest-xdist ran it in several processes."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field

from aide_de_camp.spi import Capability
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.conducting import whereabouts
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import form_of, published, text_of
from aide_de_camp_conformance.introduction import Introduction
from aide_de_camp_conformance.levels import asked_of
from aide_de_camp_conformance.report import WORST_FIRST, Report, Where, as_declared
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.table import tally, verdict

_NOTE: Final = "adc_conformance"
"""The attribute of a test's report, which pytest-xdist carries from process to process."""
_UNOPENED: Final = "adc_conformance_unopened"
"""As above, of a test whose storage couldn't be asked what it is."""


@define
class _Tested:
    """What is known of one class of tests.

    Attributes:
        name: of the class.
        level: the highest level that it asks for by itself.
        asked: the same, lowered by ``--adc-level``.
        published: the file of its published report; None if it names none.
        introduction: of its storage.
        results: by the requirement's id.
    """

    name: str
    level: int
    asked: int
    published: Path | None
    introduction: Introduction
    results: dict[str, Result] = field(factory=dict[str, Result])


class Gathering:
    """The plugin that is registered where a report is wanted."""

    def __init__(self, config: pytest.Config) -> None:
        self._file: Path | None = config.getoption("adc_json")
        self._publish = bool(config.getoption("adc_publish"))
        self._is_worker = hasattr(config, "workerinput")
        self._started, self._start = datetime.now(UTC), time.monotonic()
        self._tested: dict[str, _Tested] = {}
        self._unopened: set[str] = set()
        self._told: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note, with the report of a test, how its requirement fared."""
        report = yield
        instance = getattr(item, "instance", None)
        if call.when == "call" and isinstance(instance, BackendConformance) and instance.result:
            try:
                setattr(report, _NOTE, _note(instance, instance.result))
            except Exception:  # noqa: BLE001 (whatever a storage raises; its tests tell it)
                setattr(report, _UNOPENED, True)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather it, in the process that all reports come to."""
        of = report.nodeid.rpartition("::")[0]
        if getattr(report, _UNOPENED, False):
            self._unopened.add(of)
        note: dict[str, Any] | None = getattr(report, _NOTE, None)
        if note is None:
            return
        tested = self._tested.setdefault(of, _tested_of(note))
        result = _result_of(note)
        known = tested.results.get(result.requirement.id)
        # A test that is run again until it passes has failed nevertheless.
        if known is None or _badness(result) < _badness(known):
            tested.results[result.requirement.id] = result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports."""
        if self._is_worker:
            return
        where = whereabouts(self._started, time.monotonic() - self._start)
        forms = {of: _form(tested, where) for of, tested in self._tested.items()}
        self._told += [
            f"{of}: its storage couldn't be opened, or asked what it is: its tests say why"
            for of in sorted(self._unopened)
        ]
        if not all([self._write(forms), self._write_published(forms)]):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was written."""
        if self._told:
            terminalreporter.section("conformance to Aide-De-Camp")
            for each in self._told:
                terminalreporter.write_line(each)

    def _write(self, forms: dict[str, ReportForm]) -> bool:
        if self._file is None:
            return True
        if not forms:
            self._told.append("no report: no requirement was run")
            return False
        if len(forms) > 1 and "{name}" not in str(self._file):
            self._told.append(
                f"no report: several backends were tested ({', '.join(forms)}); put {{name}} "
                "into the file's name"
            )
            return False
        for of, form in forms.items():
            path = Path(str(self._file).replace("{name}", self._tested[of].name))
            self._put(path, form)
        return True

    def _write_published(self, forms: dict[str, ReportForm]) -> bool:
        if not self._publish:
            return True
        fine = True
        for of, form in forms.items():
            tested = self._tested[of]
            path = tested.published
            if path is None:
                continue
            if tested.asked < tested.level:
                why = f"--adc-level asks for less than {tested.name} does"
            elif not form.complete:
                why = f"{len(form.deselected)} were left out"
            else:
                self._put(path, published(form))
                continue
            fine = False
            self._told.append(f"{path} is left as it was: {why}")
        return fine

    def _put(self, path: Path, form: ReportForm) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(form), "utf-8")
        told = "; ".join(each for each in (tally(form), verdict(form)) if each)
        self._told.append(f"{path}: {form.backend.server}: {told}")


def _note(test: BackendConformance, result: Result) -> dict[str, Any]:
    said = test.introduction()
    return {
        "name": type(test).__name__,
        "level": test.level,
        "asked": test.asked,
        "published": None if test.published is None else str(test.published),
        "introduction": {
            "server": said.server,
            "capabilities": sorted(each.value for each in said.capabilities),
            "backend": said.backend,
            "distribution": said.distribution,
            "version": said.version,
        },
        "id": result.requirement.id,
        "outcome": result.outcome.value,
        "seconds": result.seconds,
        "message": result.message,
    }


def _tested_of(note: dict[str, Any]) -> _Tested:
    said: dict[str, Any] = dict(note["introduction"])
    said["capabilities"] = frozenset(map(Capability, said["capabilities"]))
    path = None if note["published"] is None else Path(note["published"])
    return _Tested(note["name"], note["level"], note["asked"], path, Introduction(**said))


def _result_of(note: dict[str, Any]) -> Result:
    requirement, outcome = REQUIREMENTS[note["id"]], Outcome(note["outcome"])
    return Result(requirement, outcome, None, note["seconds"], note["message"])


def _badness(result: Result) -> int:
    return WORST_FIRST.index(result.outcome)


def _form(tested: _Tested, where: Where) -> ReportForm:
    ids = asked_of(tested.asked)
    results = tuple(tested.results[each] for each in ids if each in tested.results)
    results = as_declared(tested.introduction, results)
    return form_of(Report(tested.introduction, results, tested.asked, where))
