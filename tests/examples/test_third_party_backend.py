"""The outside door: a backend that stands on the SPI alone, found by its entry points."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp_conformance import REQUIREMENTS, Need
from aide_de_camp_conformance.forming import read
from aide_de_camp_conformance.publishing import compare_kit

from ..servers.mariadb import HELP, MariadbServer, has_mariadb

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_backend"
SOURCES = sorted((EXAMPLE / "adc_mariadb").glob("*.py"))
LIBRARIES = {"adc_mariadb", "attrs", "sqlalchemy"}
needs_server = pytest.mark.skipif(not has_mariadb(), reason=HELP)
INTRODUCE = """
import asyncio, sys
from aide_de_camp import Registry
async def main():
    storage = Registry().storage(sys.argv[1])()
    await storage.open()
    print(*sorted(each.value for each in storage.capabilities))
    await storage.close()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with MariadbServer() as running:
        yield running


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment, cwd="/"
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.name))
def test_it_imports_nothing_of_the_project_but_the_spi(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            allowed = top in sys.stdlib_module_names or top in LIBRARIES
            assert allowed or name == "aide_de_camp.spi", f"{path.name} imports {name}"


def test_it_is_listed_once_installed(installed: dict[str, str]) -> None:
    done = run(installed, "-m", "aide_de_camp", "plugins", "--json")
    assert done.returncode == 0, done.stderr
    plugins = {each["name"]: each for each in json.loads(done.stdout)["plugins"]}
    for scheme in ("mariadb", "mysql"):
        assert plugins[scheme]["status"] == "ok"
        assert plugins[scheme]["distribution"] == "adc-mariadb"


@pytest.mark.parametrize("part", [0, 1])
@needs_server
def test_it_keeps_the_contract(
    server: MariadbServer, installed: dict[str, str], tmp_path: Path, part: int
) -> None:
    """Every requirement of the kit, in two halves, so that two processes share the time."""
    url, file = f"{server.create_database()}?prefix={{namespace}}_", tmp_path / "report.json"
    wanted = sorted(REQUIREMENTS)[part::2]
    only = [word for each in wanted for word in ("--only", each)]
    done = run(installed, "-m", "aide_de_camp_conformance", url, "--json", str(file), *only)
    report: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    assert done.returncode == 0, done.stdout + done.stderr
    found = [each for clause in report["clauses"] for each in clause["requirements"]]
    results = {each["id"]: each["outcome"] for each in found}
    assert set(wanted) <= set(results)
    # A URL alone lets nobody kill the server: that is asked in test_mariadb_trouble.
    unasked = {each for each, outcome in results.items() if outcome == "not_asked"}
    assert unasked == {each for each in wanted if REQUIREMENTS[each].needs is Need.SERVER}
    assert {results[each] for each in results.keys() - unasked} <= {"passed", "not_declared"}
    # What isn't declared is of level 3: so level 2 is reached with nothing left out.
    assert all(results[each] != "not_declared" for each in wanted if REQUIREMENTS[each].level < 3)
    assert report["backend"]["capabilities"] == ["DUR-1", "SHR-1"]
    told = read(EXAMPLE / "conformance.json")
    compare_kit(told, "conformance.json")
    assert (told.level, told.complete) == (3, True)
    assert told.backend.capabilities == report["backend"]["capabilities"]
    outcomes = {each.id: each.outcome for each in told.requirements}
    assert {each: results[each] for each in wanted} == {each: outcomes[each] for each in wanted}


@needs_server
@pytest.mark.parametrize(
    ("flush", "declared"), [(0, "SHR-1"), (1, "DUR-1 DUR-2 SHR-1"), (2, "DUR-1 SHR-1")]
)
def test_it_declares_what_the_settings_let_it(
    installed: dict[str, str], flush: int, declared: str
) -> None:
    with MariadbServer(flush=flush) as server:
        done = run(installed, "-c", INTRODUCE, server.create_database())
    assert done.stdout.split() == declared.split(), done.stderr


@needs_server
def test_the_optimiser_takes_the_ranges_that_are_meant(
    server: MariadbServer, installed: dict[str, str]
) -> None:
    """Nothing is sorted, nothing scanned: what a claim costs doesn't grow with what waits."""
    script = str(Path(__file__).with_name("plans.py"))
    done = run(installed, script, server.create_database())
    assert done.returncode == 0, done.stderr
    plans = [json.loads(line) for line in done.stdout.splitlines()]
    assert {plan["key"] for plan in plans} == {
        "PRIMARY",
        "due",
        "due_type",
        "lease",
        "request",
        "finished",
    }
    for plan in plans:
        assert plan["type"] in ("range", "ref", "const", "eq_ref"), plan
        assert "temporary" not in plan["extra"], plan
        # Jobs that are locked by their ids are sorted by those; nothing of a queue's length is.
        assert "filesort" not in plan["extra"] or plan["key"] == "PRIMARY", plan
