"""How PostgreSQL runs the hot statements: by searches of the right index, whatever the plan."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import asyncpg
import pytest

from aide_de_camp.spi import Cancellation, Lease, Requeue, SettleKind
from aide_de_camp_backends.postgresql import changing, leases, moving, pool, settling
from aide_de_camp_backends.postgresql.claiming import Asked, claim_text
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.statement import Layout, prepare

from ..calls import SECOND, Calls

LAYOUT = Layout("public", "adc_")
NOW = 1_700_000_000_000_000
IDS = [uuid4() for _ in range(20)]
JIT = 100_000
"""The cost above which the server compiles a plan, which takes longer than any claim."""

FILL = f"""
INSERT INTO adc_job (queue, id, state, priority, scheduled_at, enqueued_at, token, claims,
  retries, snoozes, lease_max_retries, job_type, codec, payload, lease_until, finished_at)
SELECT 'q', gen_random_uuid(), state, n % 256 - 128, {NOW} + (n % 7 - 3) * 1000000 + n, 0, 0, 0,
  0, 0, 0, 't' || n % 9, 'json', '', CASE WHEN state = 1 THEN {NOW} + n END,
  CASE WHEN state > 1 THEN {NOW} - n END
FROM (SELECT n, CASE WHEN n % 20 = 0 THEN 1 + n / 20 % 4 ELSE 0 END AS state
      FROM generate_series(1, 60000) AS n) AS made
"""
VALUES = {
    "queue": "q",
    "given": NOW,
    "latest": NOW,
    "request_id": uuid4(),
    "reaped": False,
    "types": ["t1", "t2"],
    "type": "t1",
    "limit": 20,
    "lease": 60_000_000,
    "limit_types": ["t1"],
    "limits": [3],
    "max_retries": 5,
    "worker": "w",
    "ids": IDS,
    "tokens": [0] * len(IDS),
    "requests": IDS,
    "length": 1_000_000,
    "keep": 0,
    "kinds": [1] * len(IDS),
    "delays": [0] * len(IDS),
    "reasons": [None] * len(IDS),
    "errors": [None] * len(IDS),
    "details": [None] * len(IDS),
}
CLAIMS = {
    "claim any": (claim_text(20, Asked.ANY), {"adc_job_due"}),
    "claim one type": (claim_text(20, Asked.ONE), {"adc_job_due_type"}),
    "claim types": (claim_text(20, Asked.SEVERAL), {"adc_job_due_type"}),
}
RUNNING = {"adc_job_running", "adc_job_lease", "adc_job_pkey"}
HOT = {
    **{name: (text, used | RUNNING) for name, (text, used) in CLAIMS.items()},
    "take back": (leases.take_back_text(1_000), {"adc_job_lease", "adc_job_pkey"}),
    "extend": (leases.EXTEND, {"adc_job_pkey"}),
    "complete": (settling.COMPLETE, {"adc_job_pkey"}),
    "settle": (settling.SETTLE, {"adc_job_pkey"}),
    "settled": (settling.SETTLED, {"adc_job_pkey"}),
    "cancel": (changing.CANCEL, {"adc_job_pkey"}),
    "states": (changing.STATES_OF, {"adc_job_pkey"}),
    "requeue": (changing.REQUEUE, {"adc_job_dead", "adc_job_pkey"}),
    "delete": (changing.DELETE, {"adc_job_pkey"}),
    "prune": (changing.prune_text(1_000), {"adc_job_finished", "adc_job_pkey"}),
    "hold": (moving.HOLD, {"adc_job_pkey"}),
    "unhold": (moving.UNHOLD, {"adc_job_held", "adc_job_pkey"}),
    "discard": (moving.DISCARD, {"adc_job_held", "adc_job_pkey"}),
    "get": (changing.GET, {"adc_job_pkey"}),
}


@pytest.fixture(scope="module", params=[None, 15], ids=["newest", "15"])
def plans(request, servers):
    """Every plan of the hot statements, custom and generic, of one server."""
    try:
        server = servers.postgresql(version=request.param)
    except LookupError as error:
        pytest.skip(str(error))
    url = server.create_database()

    async def run():
        await connect(url, {})().migrate()
        connection = await asyncpg.connect(url)
        await connection.execute(FILL)
        await connection.execute("VACUUM ANALYZE adc_job")
        found = {}
        for mode in ("custom", "generic"):
            await connection.execute(f"SET plan_cache_mode = force_{mode}_plan")
            for name, (text, _) in HOT.items():
                found[mode, name] = await explain(connection, text)
        await connection.close()
        return found

    yield asyncio.run(run())
    server.drop_database(url)


async def explain(connection, text):
    statement = prepare(text, LAYOUT)
    await connection.execute(f"PREPARE it AS {statement.sql}")
    values = ", ".join(literal(value) for value in statement.arguments(VALUES))
    (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE it ({values})")
    await connection.execute("DEALLOCATE it")
    return json.loads(row[0])[0]["Plan"]


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join("NULL" if each is None else str(each) for each in value) + "}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("name", HOT)
def test_hot_statements_search_the_right_index(name, mode, plans):
    found = list(nodes(plans[mode, name]))
    assert not [
        node
        for node in found
        if node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "adc_job"
    ]
    used = {node["Index Name"] for node in found if "Index Name" in node}
    assert used
    assert used - {"adc_meta_pkey"} <= HOT[name][1]


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("name", HOT)
def test_what_is_named_is_looked_up_by_its_id(name, mode, plans):
    assert_by_id(plans[mode, name])


def assert_by_id(plan):
    searches = [node for node in nodes(plan) if node.get("Index Name") == "adc_job_pkey"]
    assert not [node["Index Cond"] for node in searches if "id = " not in node["Index Cond"]]


@pytest.mark.parametrize(
    ("version", "some_seconds_later"), [(None, False), (15, True)], ids=["newest", "15"]
)
def test_plans_made_while_few_jobs_were_there_are_no_burden_when_many_are(
    version, some_seconds_later, servers, monkeypatch
):
    """A worker that started on an empty queue keeps its connections for weeks.

    From 17 on the plans are good at once; before, they are once they are forgotten.
    """
    try:
        server = servers.postgresql(version=version)
    except LookupError as error:
        pytest.skip(str(error))
    url = server.create_database()
    calls = Calls()

    async def use(storage):
        """Have each verb's statements planned."""
        for types in (None, ["t"], ["t", "u"]):
            two = [calls.job(priority=127, scheduled_at=0) for _ in range(2)]
            ids = await calls.put(storage, *two)
            claimed = (await calls.claim(storage, types, limit=20)).jobs
            first, second = (job for job in claimed if job.id in ids)
            await storage.extend("q", [Lease(first.id, first.token)], SECOND, now=calls.now)
            dead = {"reason": "limit"}
            for job, kind, more in (
                (first, SettleKind.COMPLETED, {}),
                (second, SettleKind.DEAD, dead),
            ):
                for _ in range(2):
                    await calls.settle(storage, job, kind, **more)
            again = Requeue(id=second.id, request_id=uuid4())
            await storage.requeue("q", [again], now=calls.now)
            for _ in range(2):
                ended = Cancellation(id=second.id, request_id=uuid4())
                await storage.cancel("q", [ended], now=calls.now)
            await storage.delete("q", [second.id])
            await storage.get("q", [first.id])
            await storage.reap("q", 1_000, now=calls.now)
            await storage.prune("q", 0, 1_000, now=calls.now + SECOND)

    async def run():
        storage = connect(url, {"pool_size": "1"})()
        await storage.open()
        beside = await asyncpg.connect(url)
        await beside.execute("ALTER TABLE adc_job SET (autovacuum_enabled = off)")
        await beside.execute(FILL.replace("60000", "5"))
        await beside.execute("VACUUM ANALYZE adc_job")
        await use(storage)
        await beside.execute(FILL)
        if some_seconds_later:
            monkeypatch.setattr(pool, "_PLANS_KEPT", -1)
        await use(storage)
        connection = await storage._opened._pool.acquire()
        for name, sql in await connection.fetch(
            "SELECT name, statement FROM pg_prepared_statements"
        ):
            if "adc_job" not in sql or "INSERT" in sql:
                continue
            (hot,) = [each for each, (text, _) in HOT.items() if prepare(text, LAYOUT).sql == sql]
            statement = prepare(HOT[hot][0], LAYOUT)
            values = ", ".join(literal(value) for value in statement.arguments(VALUES))
            (row,) = await connection.fetch(f'EXPLAIN (FORMAT JSON) EXECUTE "{name}" ({values})')
            yield hot, json.loads(row[0])[0]["Plan"]
        storage._opened._pool.release(connection)
        await beside.close()
        await storage.close()

    async def look():
        seen = set()
        async for name, plan in run():
            seen.add(name)
            assert not [
                node
                for node in nodes(plan)
                if node["Node Type"] == "Seq Scan" and node.get("Relation Name") == "adc_job"
            ], name
            assert_by_id(plan)
        return seen

    seen = asyncio.run(look())
    assert seen >= set(HOT) - {"take back", "hold", "unhold", "discard"}
    server.drop_database(url)


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_takes_no_filter_over_what_waits(name, mode, plans):
    """What an index's condition doesn't bound is stepped over row by row."""
    found = list(nodes(plans[mode, name]))
    walks = [node for node in found if node.get("Index Name", "").startswith("adc_job_due")]
    assert walks
    filters = [node["Filter"] for node in walks if "Filter" in node]
    # Those taken by this very claim are left out of what is due next: never more than its limit.
    assert all("SubPlan" in text or text == "(state = 0)" for text in filters), filters
    assert all("queue" in node["Index Cond"] for node in walks)


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("name", HOT)
def test_no_plan_is_so_dear_that_it_is_compiled(name, mode, plans):
    assert plans[mode, name]["Total Cost"] < JIT
