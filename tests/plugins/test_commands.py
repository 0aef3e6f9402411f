"""Commands that other distributions add to ``adc``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aide_de_camp.cli import main
from aide_de_camp.cli.announced import GROUP

FINE = """
import click

@click.command()
@click.argument("words", nargs=-1)
def hello(words):
    "Say hello."
    click.echo(" ".join(("hello", *words)))
"""
SOURCES = {
    "raises": "raise RuntimeError('secret words')",
    "leaves": "raise SystemExit(3)",
    "other": "hello = 3",
    "without": "import no_such_module_of_anybody",
}


def announce(site: Path, name: str, source: str, command: str = "hello", *metadata: str) -> None:
    (site / f"{name}.py").write_text(source)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{command} = {name}:hello\n")


def adc(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_a_command_is_listed_and_run(site):
    announce(site, "greeter", FINE)
    assert "hello        Say hello." in adc("--help").stdout
    assert adc("hello", "you").stdout == "hello you\n"


def test_nothing_is_imported_for_another_command(site):
    announce(site, "greeter", "raise RuntimeError")
    assert adc("jobs", "--help").exit_code == 0
    import sys

    assert "greeter" not in sys.modules


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raises", "raised RuntimeError when it was imported: upgrade or uninstall it"),
        ("leaves", "raised SystemExit"),
        ("other", "is no click command"),
        ("without", "needs no_such_module_of_anybody, which isn't installed"),
    ],
)
def test_one_that_can_not_be_loaded_says_why_and_harms_no_other(site, kind, said):
    announce(site, f"dist_{kind}", SOURCES[kind])
    listed = adc("--help")
    assert listed.exit_code == 0
    assert "hello        (can't be used" in listed.stdout
    assert "worker" in listed.stdout
    result = adc("hello", "--any", "thing", "-x")
    assert result.exit_code == 1
    assert result.stderr.startswith("adc: error: the command 'hello' of dist_")
    assert said in result.stderr
    assert "secret words" not in result.output
    assert "Usage" in adc("hello", "--help").stdout


def test_a_missing_extra_is_named(site):
    announce(
        site,
        "extra_dist",
        SOURCES["without"],
        "hello",
        "Provides-Extra: kit",
        "Requires-Dist: no_such_module_of_anybody ; extra == 'kit'",
    )
    assert "pip install 'extra_dist[kit]'" in adc("hello").stderr


def test_two_of_one_name_are_both_named(site):
    announce(site, "greeter", FINE)
    announce(site, "other_greeter", FINE)
    result = adc("hello")
    assert result.exit_code == 1
    assert "greeter 1.0 (greeter:hello) and other_greeter 1.0" in result.stderr


@pytest.mark.parametrize("off", ["hello", "Greeter"])
def test_one_can_be_switched_off(site, monkeypatch, off):
    announce(site, "greeter", FINE)
    monkeypatch.setenv("ADC_DISABLE_PLUGINS", off)
    assert "hello" not in adc("--help").stdout
    assert adc("hello").exit_code == 2


def test_its_own_commands_win(site):
    announce(site, "greeter", FINE, "queues")
    assert "hello" not in adc("queues", "--help").stdout


def test_the_kit_is_one():
    assert "conformance " in adc("--help").stdout
    result = adc("conformance", "run", "memory://", "--only", "KEP-1.steps")
    assert result.exit_code == 0, result.output
