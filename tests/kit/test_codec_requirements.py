"""The codecs' requirements themselves, and how they are adopted."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from aide_de_camp.spi import CodecDescriptor
from aide_de_camp_conformance import REQUIREMENTS
from aide_de_camp_conformance.codec import CodecConformance, CodecHarness, run_codec
from aide_de_camp_conformance.codec_mutants.reading import Converts
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS, apart
from aide_de_camp_conformance.codec_suite.alike import told
from aide_de_camp_conformance.codec_suite.requirement import codec_requirement
from aide_de_camp_conformance.codec_suite.running import run_codec_requirement
from aide_de_camp_conformance.running import Outcome

FOUR_LINES = """
from aide_de_camp_conformance.codec import CodecConformance, CodecHarness
class Mine(CodecHarness): name, refuses = "json", ["dict by tuple"]
class TestMine(CodecConformance): harness = Mine
"""
CLAUSES = {"COD-1", "COD-2", "COD-3", "COD-4", "COD-5", "DEC-4", "DEC-6", "DEC-7", "ENQ-2"}
CLAUSES |= {"ENQ-3", "ERR-1"}


@pytest.mark.parametrize("each", CODEC_REQUIREMENTS.values(), ids=lambda each: each.id)
def test_a_requirement_is_named_and_says_what_must_be(each):
    assert re.fullmatch(rf"{each.clause}\.[a-z_]+", each.id)
    assert each.clause in CLAUSES
    assert each.level in (1, 2)
    assert each.sentence.endswith(".")


def test_an_id_is_a_backend_s_or_a_codec_s():
    assert not CODEC_REQUIREMENTS.keys() & REQUIREMENTS.keys()


def test_a_requirement_needs_a_sentence_and_a_word():
    def said(kit) -> None:
        """It is so."""

    def unsaid(kit) -> None: ...

    for bad in (("DEC-4", said), ("DEC-4.", said), ("DEC-4.prefix", unsaid)):
        with pytest.raises(ValueError, match="docstring"):
            codec_requirement(bad[0])(bad[1])


def test_a_requirement_can_not_be_overridden():
    with pytest.raises(TypeError, match="test_DEC_4_prefix"):

        class TestLenient(CodecConformance):
            harness = CodecHarness

            def test_DEC_4_prefix(self): ...  # noqa: N802 (it is called so)


def test_four_lines_give_a_test_per_requirement_also_in_other_processes(tmp_path):
    (tmp_path / "test_mine.py").write_text(FOUR_LINES)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--import-mode=importlib", "-k", "COD_1 or COD_3 or DEC_7"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "3 passed, 1 skipped" in ran.stdout


def test_a_harness_that_another_process_can_not_find_fails():
    class Local(CodecHarness):
        name = "json"

    result = run_codec_requirement(CODEC_REQUIREMENTS["DEC-7.processes"], Local())
    assert result.outcome is Outcome.FAILED
    assert "top level" in str(result.error)


def test_a_codec_that_is_not_there_is_an_error():
    class Nowhere(CodecHarness):
        name = "nowhere"

    (result,) = run_codec(Nowhere(), only=["COD-1.name"])
    assert result.outcome is Outcome.ERROR
    assert "nowhere" in str(result.error)


def test_a_result_has_the_shape_of_a_backend_s():
    told_of = []
    results = run_codec(Converts(), only=["DEC-4.wrong_type", "DEC-4.missing"], tell=told_of.append)
    assert told_of == list(results)
    fared = {each.requirement.id: each.outcome for each in results}
    assert fared == {"DEC-4.wrong_type": Outcome.FAILED, "DEC-4.missing": Outcome.PASSED}
    assert all(each.requirement.capability is None for each in results)


def test_where_code_may_be_run_it_is_not_asked_whether_it_is():
    class Says(CodecHarness):
        def descriptor(self) -> CodecDescriptor:
            made = Converts().descriptor()
            return CodecDescriptor(made.name, made.spi, made.factory, data_only=False)

    result = run_codec_requirement(CODEC_REQUIREMENTS["COD-4.inert"], Says())
    assert result.outcome is Outcome.NOT_DECLARED


def test_what_takes_too_long_is_stopped(monkeypatch):
    """By processor time: on a slow machine it is given more of the real one."""
    monkeypatch.setattr(apart, "CPU_SECONDS", 0)
    result = run_codec_requirement(CODEC_REQUIREMENTS["COD-5.bounded"], Converts())
    assert result.outcome is Outcome.FAILED
    assert "ended with -" in str(result.error)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ("a", b"a"),
        ([1], (1,)),
        ({1}, frozenset([1])),
        ({1: 2}, {1: 3}),
    ],
)
def test_what_only_looks_alike_is_told_apart(one, other):
    assert told(one) != told(other)
    assert told([one]) != told([other])
    assert told(one) == told(one)
