"""Error texts made storable (clause RET-3)."""

from __future__ import annotations

from aide_de_camp import DecodeError
from aide_de_camp.escaping import describe, storable
from aide_de_camp.spi import ERROR_MESSAGE_BYTES, ERROR_TRACEBACK_BYTES


def test_short_text_stays_as_it_is():
    assert storable("naïve ✓ 🎉", 100) == "naïve ✓ 🎉"


def test_nul_and_lone_surrogates_are_escaped():
    assert storable("a\x00b\udc80c\ud800", 100) == "a\\x00b\\udc80c\\ud800"


def test_a_cut_keeps_both_ends_says_how_much_is_gone_and_fits():
    text = "start" + "é" * 10_000 + "end"
    cut = storable(text, 1_000)
    assert len(cut.encode()) <= 1_000
    assert cut.startswith("start")
    assert cut.endswith("end")
    assert "bytes cut" in cut


def test_a_described_error_has_class_message_and_traceback():
    try:
        raise ValueError("what went wrong")
    except ValueError as error:
        record = describe(error)
    assert record.type == "ValueError"
    assert record.message == "what went wrong"
    assert "test_escaping.py" in (record.traceback or "")
    assert record.detail is None


def test_messages_and_tracebacks_are_cut_to_their_limits():
    record = describe(ValueError("x" * 200_000))
    assert len(record.message.encode()) <= ERROR_MESSAGE_BYTES
    assert len((record.traceback or "").encode()) <= ERROR_TRACEBACK_BYTES


def test_an_error_that_can_not_be_read_is_kept_all_the_same():
    class HostileError(Exception):
        def __str__(self):
            raise RuntimeError("no")

    record = describe(HostileError())
    assert record.type.endswith("HostileError")
    assert "could not be read" in record.message


def test_a_decode_errors_own_words_stay_apart():
    record = describe(DecodeError("safe", path="$.a", offset=3, detail="secret"))
    assert (record.message, record.path, record.offset) == ("safe", "$.a", 3)
    assert record.detail == "secret"
    assert record.traceback is None
