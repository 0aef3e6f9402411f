"""Where jobs are moved from and to: a line per backend that is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from ..servers import Servers

Place = Callable[[str], str]
"""Gives the URL of an empty storage of a kind."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    def servers() -> Servers:
        found: Servers = request.getfixturevalue("servers")
        return found

    makers: dict[str, Callable[[], str]] = {
        "memory": lambda: f"memory://{uuid4().hex}",
        "sqlite": lambda: f"sqlite:///{tmp_path / uuid4().hex}.db",
        "postgresql": lambda: servers().postgresql().create_database(),
        "redis": lambda: servers().redis(persistence="always").fresh_url(),
    }
    return lambda kind: makers[kind]()
