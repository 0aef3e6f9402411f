"""What is called wrongly is told in words, with the exit code 2, whichever command of the kit."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from aide_de_camp_conformance.command import conformance
from aide_de_camp_conformance.histories.__main__ import main as histories
from aide_de_camp_conformance.simulation.__main__ import main as simulation
from aide_de_camp_conformance.template import check_template

SECRET = "c4n4ry-7f3a"
URLS = [
    ("memory://{foo}", "in the URL stands {foo}: only {namespace} and {folder} are filled in"),
    ("memory://{namespace", "in the URL stands a brace"),
    ("memory://namespace}", "in the URL stands a brace"),
    ("memory://{}", "in the URL stands {}"),
    ("memory://{namespace}{0!r:>9}", "in the URL stands {0!r:>9}"),
    ("nosuch://{namespace}", "no backend 'nosuch' is installed"),
    ("{namespace}", "doesn't begin with a scheme"),
    ("", "doesn't begin with a scheme"),
    ("memory://?a=b", "memory:// takes a name at most, as memory://name, and no options"),
    ("sqlite:////no/such/folder/{namespace}.db", "/no/such/folder doesn't exist"),
    (f"redis://user:{SECRET}@127.0.0.1:1/0?prefix={{namespace}}", "127.0.0.1:1"),
    (f"redis://user:{{{SECRET}}}@127.0.0.1:1/1", "127.0.0.1:1"),
]


@pytest.mark.parametrize(("url", "said"), URLS, ids=[str(n) for n in range(len(URLS))])
@pytest.mark.parametrize(
    ("command", "words"), [(histories, []), (conformance, ["run"])], ids=["histories", "run"]
)
def test_a_url_that_can_not_be_used(command, words, url, said):
    ended = CliRunner().invoke(command, [*words, url])
    assert ended.exit_code == 2, ended.output
    (line,) = [each for each in ended.stderr.splitlines() if each.startswith("Error: ")]
    assert said in line
    assert SECRET not in ended.output
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "memory://", "--only="], "an empty id names no requirement"),
        (["codec", "json", "--only="], "no requirement begins with ''"),
    ],
    ids=["run", "codec"],
)
def test_an_empty_id_is_not_all_of_them(words, said):
    ended = CliRunner().invoke(conformance, words)
    assert ended.exit_code == 2, ended.output
    assert said in ended.stderr


@pytest.mark.parametrize("seconds", ["nan", "-1", "0", "inf", "-inf", "1e9", "long"])
def test_seconds_that_are_none(seconds):
    ended = CliRunner().invoke(histories, ["memory://", f"--seconds={seconds}"])
    assert ended.exit_code == 2, ended.output
    assert "--seconds" in ended.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [(histories, ["memory://"]), (simulation, [])],
    ids=["histories", "simulation"],
)
@pytest.mark.parametrize(
    "seed", ["-1", str(2**63), "9" * 4_000, "9" * 9_000, "nan", "1.5"], ids=len
)
def test_seeds_that_are_none(command, words, seed):
    ended = CliRunner().invoke(command, [*words, f"--seed={seed}"])
    assert ended.exit_code == 2, ended.output
    assert "--seed" in ended.stderr


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_counts_of_seeds_that_are_none(count):
    assert CliRunner().invoke(simulation, [f"--count={count}"]).exit_code == 2


@pytest.mark.parametrize(
    "url", ["memory://", "x://{folder}/{namespace}{namespace}", "x://%7Ba%7D", "x://me:{a}}@host/"]
)
def test_what_is_filled_in_and_what_is_escaped_is_fine(url):
    check_template(url)
