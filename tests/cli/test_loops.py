"""``adc worker --loop``: uvloop where it is installed, and a plain word where it isn't."""

from __future__ import annotations

import asyncio
import sys

import click
import pytest

from aide_de_camp.cli.loops import run_on


def loop_of(name: str) -> str:
    found: list[str] = []

    async def main() -> None:
        found.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    run_on(name, main())
    return found[0]


def test_auto_takes_uvloop_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    assert loop_of("auto") == "uvloop"
    assert loop_of("uvloop") == "uvloop"
    assert loop_of("asyncio") == "asyncio"


def test_without_uvloop_auto_does_without_and_its_name_tells_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_of("auto") == "asyncio"
    with pytest.raises(click.UsageError, match=r"pip install 'aide-de-camp\[uvloop\]'"):
        loop_of("uvloop")
