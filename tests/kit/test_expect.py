"""What the kit's assertions say: of long values, where they differ."""

from __future__ import annotations

import pytest

from aide_de_camp import new_job_id
from aide_de_camp_conformance.expect import same

IDS = [new_job_id() for _ in range(200)]


def told(got: object, wanted: object) -> str:
    with pytest.raises(AssertionError) as caught:
        same(got, wanted, "the jobs")
    # What pytest adds stands below it.
    return str(caught.value).partition("\n")[0]


def test_short_lists_are_shown_whole_and_no_more_is_said():
    assert told([1, 3], [1, 2]) == "the jobs: expected [1, 2], got [1, 3]"


def test_two_that_changed_places_are_found():
    swapped = [*IDS[:99], IDS[100], IDS[99], *IDS[101:]]
    words = told(swapped, IDS)
    assert "200 expected, 200 got: the first difference is at [99]" in words
    assert f"[99]: expected {IDS[99]!r}, got {IDS[100]!r}" in words
    assert words.endswith("none is missing or too many: the order differs")


def test_what_is_missing_and_what_is_too_many_is_counted_and_some_named():
    stranger = new_job_id()
    words = told([*IDS[:50], *IDS[54:], stranger], IDS)
    assert "200 expected, 197 got: the first difference is at [50]" in words
    assert f"4 missing: {IDS[50]!r}, {IDS[51]!r}, {IDS[52]!r}, ..." in words
    assert words.endswith(f"1 too many: {stranger!r}")


def test_one_that_came_twice_is_too_many():
    assert told([*IDS, IDS[7]], IDS).endswith(
        f"200 expected, 201 got: alike as far as the shorter goes; 1 too many: {IDS[7]!r}"
    )


def test_sets_have_no_order_to_differ_in():
    words = told(set(IDS[1:]), set(IDS))
    assert "first difference" not in words
    assert words.endswith(f"1 missing: {IDS[0]!r}")


def test_mappings_are_compared_by_their_keys_and_values():
    wanted = dict.fromkeys(IDS, 1)
    words = told({**dict.fromkeys(IDS[1:], 1), IDS[60]: 2}, wanted)
    assert f"1 values differ: the first is that of {IDS[60]!r}: expected 1, got 2" in words
    assert words.endswith(f"1 missing: {IDS[0]!r}")


def test_what_can_not_be_hashed_has_a_first_difference_all_the_same():
    words = told([[n] for n in range(30)], [[n + (n > 20)] for n in range(30)])
    assert words.endswith(
        "30 expected, 30 got: the first difference is at [21]: expected [22], got [21]"
    )


def test_long_payloads_say_where():
    assert told(b"a" * 1_000 + b"b", b"a" * 1_000 + b"c").endswith(
        "1,001 expected, 1,001 got: the first difference is at [1000]: expected 99, got 98"
    )


def test_two_of_different_kinds_are_only_shown():
    assert told(tuple(range(3)), [0, 1, 2]) == "the jobs: expected [0, 1, 2], got (0, 1, 2)"
    assert told(None, IDS).endswith("got None")
