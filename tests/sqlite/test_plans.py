"""How SQLite runs the hot statements: by seeks only, never over what waits."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from sqlalchemy.dialects.sqlite import dialect

from aide_de_camp.spi import CountFilter, JobFilter, JobState, SettleKind
from aide_de_camp_backends._sql import filters, statements
from aide_de_camp_backends._sql.counting import counting
from aide_de_camp_backends.sqlite import changing, leases, levels, settling
from aide_de_camp_backends.sqlite.counting import among
from aide_de_camp_backends.sqlite.reading import unindexed

HOT = {
    "levels": levels.LEVELS,
    "levels of types": levels.LEVELS_OF_TYPES,
    "due": levels.DUE,
    "due of 1 type": levels.due_of_types(1),
    "due of 4 types": levels.due_of_types(4),
    "due of 256 types": levels.due_of_types(256),
    "next": levels.NEXT,
    "next of types": levels.NEXT_OF_TYPES,
    "held": levels.HELD,
    "lease": levels.LEASE,
    "first end": leases.FIRST_END,
    "take back": leases.TAKE_BACK,
    "insert": changing.INSERT,
    "get": statements.GET,
    "state": statements.STATE,
    "cancel": statements.CANCEL,
    "extend": statements.EXTEND,
    "settled": statements.SETTLED,
    "requeue": statements.REQUEUE,
    "delete": statements.DELETE,
    "hold": statements.HOLD,
    "import": statements.IMPORT,
    "unhold": statements.UNHOLD,
    "discard": statements.DISCARD,
    "queues": statements.QUEUES,
    "prune completed": changing.PRUNE[0],
    "prune cancelled": changing.PRUNE[1],
    "floor": statements.FLOOR,
    "complete many": settling.COMPLETE,
    **{f"settle {kind}": statements.SETTLE[kind] for kind in SettleKind},
    **{f"settle {kind} with error": statements.SETTLE_WITH_ERROR[kind] for kind in SettleKind},
}


@pytest.fixture
def plan(bench):
    async def create() -> None:
        async with bench.opened():
            pass

    asyncio.run(create())
    connection = sqlite3.connect(bench.path)

    class AnyName(dict[str, None]):
        def __missing__(self, name: str) -> None:
            return None

    def steps(statement: str) -> list[str]:
        places = statement.count("?")
        values = (None,) * places if places else AnyName()
        found = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        return [row[3] for row in found]

    yield steps
    connection.close()


@pytest.mark.parametrize("name", HOT)
def test_hot_statements_neither_scan_nor_sort(name, plan):
    steps = plan(HOT[name])
    assert not [step for step in steps if step.startswith(("SCAN adc_job", "SCAN job"))] or (
        name == "queues"
        and [step for step in steps if step.startswith("SCAN adc_job")]
        == ["SCAN adc_job USING COVERING INDEX sqlite_autoindex_adc_job_1"]
    )
    assert not [step for step in steps if "TEMP B-TREE" in step]


@pytest.mark.parametrize("count", [1, 2, 4, 256])
def test_types_are_merged_not_gathered(count, plan):
    steps = plan(levels.due_of_types(count))
    searches = [step for step in steps if "adc_job_due_type" in step]
    assert len(searches) == count
    assert all(
        "adc_job_due_type (queue=? AND job_type=? AND priority=? AND scheduled_at<?)" in step
        for step in searches
    )


def test_only_running_jobs_are_sorted_to_take_leases_back(plan):
    (search, sort) = plan(leases.EXPIRED)
    assert search == "SEARCH adc_job USING INDEX adc_job_running (queue=?)"
    assert "TEMP B-TREE" in sort


def compiled(statement):
    text = str(statement.compile(dialect=dialect(paramstyle="named")))
    assert "__[POSTCOMPILE" not in text
    return text


@pytest.mark.parametrize(
    ("state", "index"),
    [
        (JobState.SCHEDULED, "adc_job_due"),
        (JobState.RUNNING, "adc_job_running"),
        (JobState.DEAD, "adc_job_dead"),
        (JobState.HELD, "adc_job_held"),
    ],
)
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_listing_by_state_uses_that_state_s_index(state, index, newest_first, plan):
    where = JobFilter(states=frozenset({state}))
    statement = filters.page("q", where, 10, None, newest_first=newest_first, unindexed=unindexed)
    steps = plan(compiled(statement))
    assert [step for step in steps if index in step]
    assert not [step for step in steps if step.startswith("SCAN adc_job")]


def test_counting_reads_indexes_only(plan):
    found = counting("q", CountFilter(), among)
    assert found is not None
    steps = [step for step in plan(found[0]) if "adc_job" in step]
    assert len(steps) == len(JobState)
    assert not [step for step in steps if step.startswith("SCAN")]
    indexes = ("adc_job_due_type", "adc_job_running", *["adc_job_finished"] * 3, "adc_job_held")
    assert all(index in step for step, index in zip(steps, indexes, strict=True))
