"""The workload and the checker bite: what is broken is found by what its callers were told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aide_de_camp_conformance.histories import Kind, run_threads
from aide_de_camp_conformance.mutants import MUTANTS, NULLS

FOUND = {
    "CancelledStillWaits": Kind.CANCELLED_RAN,
    "CancelsTheRunning": Kind.BOTH_WON,
    "LooksThenCancels": Kind.CANCELLED_TWICE,
    "LooksThenClaims": Kind.OVERLAP,
    "CompletedComesBack": Kind.DOUBLED,
    "CutsAtNul": Kind.DIFFERS,
    "IgnoresPriority": Kind.PASSED_OVER,
    "UnorderedReply": Kind.INVERSION,
    "ForgetsSettlements": Kind.CONTRADICTED,
}
ENOUGH = 2_000
"""Calls among which each fault shows many times over, however slow the machine is."""


@pytest.mark.parametrize("name", FOUND)
def test_a_mutant_is_found_out(name, tmp_path):
    opener = MUTANTS[name].harness().opener("x")
    run = run_threads(opener, tmp_path, seed=1, seconds=2, calls=ENOUGH)
    assert FOUND[name] in {finding.kind for finding in run.verdict.findings}, MUTANTS[name].fault
    report = run.report()
    assert "seed 1" in report
    assert "invoke" in report


def test_a_backend_that_forgets_is_found_out(tmp_path):
    opener = NULLS["accepts and forgets"].opener("x")
    run = run_threads(opener, tmp_path, seed=1, seconds=1)
    assert {finding.kind for finding in run.verdict.findings} == {Kind.LOST}


def test_the_command_judges_a_storage():
    command = [sys.executable, "-m", "aide_de_camp_conformance.histories", "memory://{namespace}"]
    ran = subprocess.run(
        [*command, "--seed", "5", "--seconds", "1"], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("seed 5: ")
    assert "\n0 findings\n" in ran.stdout
