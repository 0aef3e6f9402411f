"""Round trips, commits and pages on PostgreSQL."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from aide_de_camp import open_queue
from aide_de_camp_backends.postgresql import leases, settling
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.claiming import Asked, claim_text
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.sizes import size_of
from aide_de_camp_backends.postgresql.statement import Layout, prepare

from .work import drain, fill, schedule_at_once

NOW = 1_700_000_000_000_000
LIMIT = 20


@pytest.fixture
def round_trips(monkeypatch):
    """The statements that were sent, each of which is a round trip and a commit of its own."""
    seen: list[str] = []
    original = Call._once

    async def once(self, sql, arguments):
        seen.append(sql)
        return await original(self, sql, arguments)

    monkeypatch.setattr(Call, "_once", once)
    return seen


def work_of(seen):
    """Leave out what wakes others: it is bounded by time, and not by jobs."""
    return [sql for sql in seen if "pg_notify" not in sql]


def test_draining_takes_few_round_trips(round_trips, postgresql_url):
    async def run() -> None:
        async with open_queue(postgresql_url) as queue:
            await fill(queue)
            round_trips.clear()
            await drain(queue)

    asyncio.run(run())
    # Half of the slots are claimed for at a time, so that storage and slots work at once.
    assert len(work_of(round_trips)) <= 50


def test_callers_at_the_same_time_share_commits(round_trips, postgresql_url):
    async def run() -> None:
        async with open_queue(postgresql_url) as queue:
            round_trips.clear()
            await schedule_at_once(queue)

    asyncio.run(run())
    assert len(work_of(round_trips)) <= 100


FILLS = {
    "not due, at the top": "127, 'a', {later}",
    "due, of other types, at the top": "127, 'other' || n % 50, {now} - n",
    "of all priorities, not due": "n % 256 - 128, 'a', {later}",
}
INSERT = """
INSERT INTO {schema}.adc_job (queue, id, state, priority, job_type, scheduled_at, enqueued_at,
  token, claims, retries, snoozes, lease_max_retries, codec, payload)
SELECT 'q', gen_random_uuid(), 0, {row}, 0, 0, 0, 0, 0, 0, 'json', '' FROM generate_series(1, {n}) n
"""


async def pages_of_a_claim(url, schema, fill_with, asked):
    """Give how many pages a claim of LIMIT jobs touches, beside 20,000 others, or alone."""
    await connect(url, {"schema": schema})().migrate()
    connection = await asyncpg.connect(url)
    try:
        if fill_with is not None:
            row = fill_with.format(now=NOW, later=NOW + 10**12)
            await connection.execute(INSERT.format(schema=schema, row=row, n=20_000))
        row = f"0, 'a', {NOW} - n"
        await connection.execute(INSERT.format(schema=schema, row=row, n=LIMIT))
        await connection.execute(f"VACUUM ANALYZE {schema}.adc_job")
        statement = prepare(claim_text(size_of(LIMIT), asked), Layout(schema, "adc_"))
        await connection.execute(f"PREPARE it AS {statement.sql}")
        values = ", ".join(literal(each) for each in statement.arguments(VALUES))
        (row,) = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE it ({values})"
        )
        plan = json.loads(row[0])[0]["Plan"]
        assert plan["Actual Rows"] == LIMIT
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    finally:
        await connection.close()


RUNNING = """
INSERT INTO adc_job (queue, id, state, priority, job_type, scheduled_at, enqueued_at, token, claims,
  retries, snoozes, lease_max_retries, lease_until, codec, payload)
SELECT 'q', gen_random_uuid(), 1, 0, 'a', 0, 0, 7, 1, 0, 0, 0, {now}, 'json', ''
FROM generate_series(1, 1000) n
"""


@pytest.mark.parametrize("text", [settling.COMPLETE, leases.EXTEND], ids=["complete", "extend"])
def test_what_is_ended_or_extended_together_is_looked_at_once_each(text, postgresql_url):
    """Not each with each: 400 of them would be 160,000 looks."""

    async def run():
        await connect(postgresql_url, {})().migrate()
        connection = await asyncpg.connect(postgresql_url)
        try:
            await connection.execute(RUNNING.format(now=NOW))
            ids = [row[0] for row in await connection.fetch("SELECT id FROM adc_job LIMIT 400")]
            statement = prepare(text, Layout("public", "adc_"))
            await connection.execute(f"PREPARE it AS {statement.sql}")
            given = VALUES | {"ids": list(map(str, ids)), "tokens": ["7"] * 400, "length": 1}
            values = ", ".join(literal(each) for each in statement.arguments(given))
            (row,) = await connection.fetch(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE it ({values})"
            )
        finally:
            await connection.close()
        return looks(json.loads(row[0])[0]["Plan"])

    seen = asyncio.run(run())
    assert max(seen) == 400, seen


def looks(plan):
    """How many rows each node gave or threw away, over all of its rounds."""
    dropped = sum(value for name, value in plan.items() if name.startswith("Rows Removed"))
    own = (plan["Actual Rows"] + dropped) * plan["Actual Loops"]
    return [own, *(each for inner in plan.get("Plans", []) for each in looks(inner))]


VALUES = {
    "queue": "q",
    "given": NOW,
    "latest": NOW,
    "request_id": "00000000-0000-0000-0000-000000000001",
    "reaped": False,
    "types": ["a", "b"],
    "type": "a",
    "limit": LIMIT,
    "lease": 60_000_000,
    "limit_types": [],
    "limits": [],
    "max_retries": 5,
    "worker": "w",
}


def literal(value):
    if isinstance(value, list):
        return "'{" + ",".join(value) + "}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


@pytest.mark.parametrize("asked", [Asked.ONE, Asked.SEVERAL])
def test_a_claim_touches_hardly_more_pages_however_much_waits(asked, postgresql_url):
    async def run() -> dict[str, int]:
        alone = await pages_of_a_claim(postgresql_url, "alone", None, asked)
        return {"alone": alone} | {
            name: await pages_of_a_claim(postgresql_url, f"beside{number}", row, asked)
            for number, (name, row) in enumerate(FILLS.items())
        }

    pages = asyncio.run(run())
    alone = pages.pop("alone")
    # An index of 20,000 is a level or two deeper; 255 priorities that have nothing due are each
    # looked at once, by two or three pages.
    most = dict.fromkeys(pages, 2 * alone) | {"of all priorities, not due": 2 * alone + 255 * 3}
    assert {name: (count, alone) for name, count in pages.items() if count > most[name]} == {}
