"""Statements and commits on SQLite: each commit is a flush of the disk."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import open_queue
from aide_de_camp_backends.sqlite import committer

from .work import drain, fill, schedule_at_once


@pytest.fixture
def statements(monkeypatch):
    """What the writing connection is told, from now on."""
    seen: list[str] = []
    original = committer.open_file

    def traced(options):
        connection = original(options)
        connection.set_trace_callback(seen.append)
        return connection

    monkeypatch.setattr(committer, "open_file", traced)
    return seen


def commits(statements):
    return statements.count("COMMIT")


def test_draining_takes_few_statements_and_commits(statements, tmp_path):
    async def run() -> None:
        async with open_queue(f"sqlite:///{tmp_path / 'jobs.db'}") as queue:
            await fill(queue)
            statements.clear()
            await drain(queue)

    asyncio.run(run())
    # A thousand jobs by fifty, half of the slots: twenty claims, and the ends of each fifty.
    assert commits(statements) <= 50
    assert len(statements) <= 300


def test_callers_at_the_same_time_share_commits(statements, tmp_path):
    async def run() -> None:
        async with open_queue(f"sqlite:///{tmp_path / 'jobs.db'}") as queue:
            statements.clear()
            await schedule_at_once(queue)

    asyncio.run(run())
    assert commits(statements) <= 100


def test_bulk_goes_by_thousands(statements, tmp_path):
    async def run() -> None:
        async with open_queue(f"sqlite:///{tmp_path / 'jobs.db'}") as queue:
            statements.clear()
            await fill(queue, 5_000)

    asyncio.run(run())
    assert commits(statements) == 5
