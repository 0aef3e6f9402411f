"""Job ids (clause ENQ-1)."""

from __future__ import annotations

import os
import random
import threading
import time
from uuid import RFC_4122

from aide_de_camp import new_job_id
from aide_de_camp.ids import IdSource


def test_ids_are_uuid7_and_sort_in_the_order_of_their_making():
    ids = [new_job_id() for _ in range(50_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}


def test_an_id_says_when_it_was_made_to_the_millisecond():
    before = time.time_ns() // 1_000_000
    made = IdSource().next().int >> 80
    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_of_several_threads_never_repeat():
    made: list[list] = [[] for _ in range(4)]

    def make(into):
        into.extend(new_job_id() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(into == sorted(into) for into in made)
    assert len({each for into in made for each in into}) == 20_000


def test_a_clock_that_steps_back_does_not_take_the_ids_with_it():
    present = [9_000_000, 1_000_000]
    source = IdSource(lambda: present.pop(0))
    first = source.next()
    assert source.next() > first
    assert present == []


def test_a_counter_that_runs_over_borrows_from_the_next_millisecond():
    source = IdSource(lambda: 5_000_000)
    source.next()
    source._counter = (1 << 42) - 1
    last = source.next()
    after = source.next()
    assert after > last
    assert after.int >> 80 == 6


def test_a_source_with_a_clock_and_a_seed_makes_the_same_ids_again():
    def made(seed):
        source = IdSource(lambda: 5_000_000, random.Random(seed).randbytes)
        return [source.next() for _ in range(3)]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_a_forked_child_does_not_repeat_its_parents_ids():
    source = IdSource()
    source.next()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"".join(source.next().bytes for _ in range(100)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    theirs = {data[start : start + 16] for start in range(0, len(data), 16)}
    assert len(theirs) == 100
    assert theirs.isdisjoint({source.next().bytes for _ in range(100)})
