"""A driver of the fake contestant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.suite.driver import Driver

FAKE = Path(__file__).with_name("fake_peer.py")


@pytest.fixture
def fake(tmp_path):
    """Give what makes a driver of the fake contestant, with a fault if one is named."""

    def make(fault: str = "") -> Driver:
        return Driver(
            sys.executable,
            [str(FAKE)],
            str(tmp_path / "jobs"),
            tmp_path,
            environment={"FAKE_FAULT": fault},
            patience=60,
        )

    return make
