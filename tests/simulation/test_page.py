"""The page about the simulation says what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from aide_de_camp_conformance.simulation import Broken, simulate
from aide_de_camp_conformance.simulation import plan as plans
from aide_de_camp_conformance.simulation.__main__ import main

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "simulation.md").read_text("utf-8")
COMMAND = "python -m aide_de_camp_conformance.simulation"


def test_it_names_every_kind_of_trouble():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(plans._KINDS)


def test_its_commands_work():
    commands = [line for line in PAGE.splitlines() if line.startswith(COMMAND)]
    assert len(commands) == 3
    for command in commands:
        arguments = shlex.split(command.removeprefix(COMMAND))
        arguments = ["3" if each == "200" else each for each in arguments]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert "all held" in result.output or "3 seeds, 0 broken" in result.output


def test_a_broken_run_is_told_and_exits_with_1(monkeypatch):
    async def gives_up(self, error, failures):
        raise error

    monkeypatch.setattr("aide_de_camp.runner.work.Work._rest_after", gives_up)
    seed = next(seed for seed in range(50) if isinstance(simulate(seed).broken, Broken))
    result = CliRunner().invoke(main, ["--seed", str(seed)])
    assert result.exit_code == 1
    assert f"again: {COMMAND} --seed {seed} --trace" in result.output
    assert "LIV-2" in result.output


@pytest.mark.parametrize("kind", plans._KINDS)
def test_each_kind_of_trouble_happens(kind):
    assert any(kind in simulate(seed).plan.trouble for seed in range(5))
