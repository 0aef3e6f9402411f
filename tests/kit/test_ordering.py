"""What the kit says where jobs came in another order."""

from __future__ import annotations

import pytest

from aide_de_camp_conformance.desk import new
from aide_de_camp_conformance.ordering import same_order


def test_the_same_order_says_nothing():
    jobs = [new(), new()]
    ids = [job.id for job in jobs]
    same_order(ids, ids, jobs)


def test_the_first_that_came_too_soon_is_named_with_what_orders_it():
    jobs = [new("a", priority=5, at=10), new("b", priority=7, at=20), new("c", at=30)]
    ids = [job.id for job in jobs]
    with pytest.raises(AssertionError) as caught:
        same_order([ids[0], ids[2], ids[1]], ids, jobs)
    said = str(caught.value)
    assert "as number 2 of 3 came the job of priority 0, scheduled_at 30, type 'c'" in said
    assert "before it comes the job of priority 7, scheduled_at 20, type 'b'" in said


def test_what_is_missing_or_too_many_is_told_too():
    jobs = [new(), new()]
    ids = [job.id for job in jobs]
    with pytest.raises(AssertionError, match="the order of the claims"):
        same_order(ids[:1], ids, jobs)
    with pytest.raises(AssertionError, match="which isn't there"):
        same_order([new().id], ids, jobs)
