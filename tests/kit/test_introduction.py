"""A storage that says nothing of itself, or hangs, neither hangs the kit nor costs a report."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.spi import StorageError
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance import REQUIREMENTS, Harness, Outcome, introduction, run_requirement
from aide_de_camp_conformance import running as kit_running


class Odd(MemoryStorage):
    server_said: object = "fine"
    hangs = False

    def __init__(self):
        super().__init__(World())

    @property
    def server(self):
        return type(self).server_said

    async def open(self):
        if type(self).hangs:
            await asyncio.Event().wait()
        await super().open()


class OddHarness(Harness):
    def opener(self, namespace):
        return Odd


@pytest.mark.parametrize("said", [None, 3, b"server"])
def test_what_is_no_text_is_told_at_once(said, monkeypatch):
    monkeypatch.setattr(Odd, "server_said", said)
    with pytest.raises(StorageError, match="server is a"):
        introduction.introduce(OddHarness())


def test_who_hangs_at_opening_is_left(monkeypatch):
    monkeypatch.setattr(Odd, "hangs", True)
    for module in (introduction, kit_running):
        monkeypatch.setattr(module, "OPENING", 0.01)
    with pytest.raises(StorageError, match="neither opened nor closed"):
        introduction.introduce(OddHarness())
    result = run_requirement(REQUIREMENTS["MOV-3.moved"], OddHarness())
    assert result.outcome is Outcome.ERROR
