"""What a claim costs on PostgreSQL, whatever else waits: ratios to a table with just the jobs.

    python benchmarks/postgresql_claims.py postgresql://user@host/database [rows]

Each case is a schema of its own with the same due jobs and, but for the first, ``rows`` others
(a million unless said). One claim at a time, rolled back, the cases taken in turn, so that they
see the same machine. Medians of the server's and the driver's time together.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import Any
from uuid import uuid4

import asyncpg

from aide_de_camp_backends.postgresql.claiming import asked_by, claim_text
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.sizes import size_of
from aide_de_camp_backends.postgresql.statement import Layout, prepare

NOW = 1_700_000_000_000_000
HOUR = 3_600_000_000
DUE = 200
ROUNDS = 40
TYPES = ("a", "b", "c", "d", "e")

INSERT = """
INSERT INTO adc_job (queue, id, state, priority, scheduled_at, enqueued_at, token, claims,
  retries, snoozes, lease_max_retries, job_type, codec, payload)
SELECT 'q', gen_random_uuid(), 0, {priority}, {at}, {now}, 0, 0, 0, 0, 0, {type}, 'json',
  convert_to(repeat('x', 100), 'UTF8')
FROM generate_series(1, {rows}) AS n
"""
OF_TYPES = "(ARRAY['a','b','c','d','e'])[1 + n % 5]"
FUTURE = f"{NOW} + {HOUR} + n"
CASES: dict[str, tuple[int, dict[str, str] | None]] = {
    # name: (priority of the due jobs, the others)
    "just the jobs": (0, None),
    "not yet due, all at 127": (0, {"priority": "127", "at": FUTURE, "type": OF_TYPES}),
    "due, of other types, at 127": (
        0,
        {"priority": "127", "at": f"{NOW} - n", "type": "'x' || n % 20"},
    ),
    "due, over 256 priorities": (
        0,
        {"priority": "n % 256 - 128", "at": f"{NOW} - n", "type": OF_TYPES},
    ),
    "not yet due, over 256 priorities": (
        -128,
        {"priority": "n % 256 - 128", "at": FUTURE, "type": OF_TYPES},
    ),
}


async def fill(url: str, connection: Any, rows: int) -> dict[str, Layout]:
    layouts: dict[str, Layout] = {}
    for number, (name, (priority, others)) in enumerate(CASES.items()):
        schema = f"adc_bench_{number}"
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        await connect(url, {"schema": schema})().migrate()
        layout = layouts[name] = Layout(schema, "adc_")
        due = {"priority": str(priority), "at": f"{NOW} - n", "type": OF_TYPES}
        for values, count in ((due, DUE), (others, rows)):
            if values is not None:
                text = INSERT.format(**values, now=NOW, rows=count)
                await connection.execute(layout.placed(text))
        await connection.execute(f"VACUUM ANALYZE {layout.table('job')}")
    return layouts


def arguments(limit: int, types: tuple[str, ...] | None) -> dict[str, Any]:
    return {
        "queue": "q",
        "given": NOW,
        "latest": NOW,
        "request_id": uuid4(),
        "reaped": False,
        "types": None if types is None else list(types),
        "type": None if types is None else types[0],
        "limit": limit,
        "lease": 60_000_000,
        "limit_types": [],
        "limits": [],
        "max_retries": 5,
        "worker": "w",
    }


async def one(connection: Any, layout: Layout, limit: int, types: tuple[str, ...] | None) -> float:
    statement = prepare(claim_text(size_of(limit), asked_by(types)), layout)
    values = statement.arguments(arguments(limit, types))
    transaction = connection.transaction()
    await transaction.start()
    start = time.perf_counter()
    rows = await connection.fetch(statement.sql, *values)
    took = time.perf_counter() - start
    await transaction.rollback()
    assert len(rows) == limit, (len(rows), limit)
    return took


Asked = tuple[int, tuple[str, ...] | None]
ASKED: list[Asked] = [(limit, types) for types in (None, TYPES, ("a",)) for limit in (1, 20)]


async def measure(connection: Any, layouts: dict[str, Layout]) -> dict[tuple[str, Asked], float]:
    """Give the median of each case in milliseconds."""
    times: dict[tuple[str, Asked], list[float]] = {}
    for done in range(ROUNDS):
        for name in CASES:
            for each in ASKED:
                # All types include the others.
                if "other types" not in name or each[1] is not None:
                    took = await one(connection, layouts[name], *each)
                    times.setdefault((name, each), []).append(took * 1_000)
        if done % 10 == 9:
            # A claim rolled back leaves dead rows behind, which isn't what is measured.
            for layout in layouts.values():
                await connection.execute(f"VACUUM {layout.table('job')}")
    return {key: statistics.median(found) for key, found in times.items()}


def row(name: str, mode: str, medians: dict[tuple[str, Asked], float]) -> str:
    cells = [name, mode]
    for each in ASKED:
        found, base = medians.get((name, each)), medians["just the jobs", each]
        cells.append("-" if found is None else f"{found:.2f} ({found / base:.2f})")
    return f"| {' | '.join(cells)} |"


async def main(url: str, rows: int) -> None:
    connection: Any = await asyncpg.connect(url)
    layouts = await fill(url, connection, rows)
    version = (await connection.fetchval("SELECT version()")).split(" on ")[0]
    print(f"{version}, {rows:,} others; milliseconds, and the ratio to just the jobs\n")
    print("| waiting besides | plans | " + " | ".join(map(label, ASKED)) + " |")
    print("|---" * (2 + len(ASKED)) + "|")
    for mode in ("custom", "generic"):
        await connection.execute(f"SET plan_cache_mode = force_{mode}_plan")
        medians = await measure(connection, layouts)
        for name in CASES:
            print(row(name, mode, medians))
    for layout in layouts.values():
        await connection.execute(f"DROP SCHEMA {layout.schema} CASCADE")
    await connection.close()


def label(asked: Asked) -> str:
    limit, types = asked
    return f"{'any' if types is None else len(types)} types, {limit}"


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000))
