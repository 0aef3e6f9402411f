"""Run as a program with a URL: says by which plan the server would do each statement of a claim."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from typing import Any

from adc_mariadb.call import Call, Row

from aide_de_camp import Registry, new_job_id
from aide_de_camp.spi import ClaimRequest, Lease, NewJob, RetryLimits, SettleKind, Settlement

plain_rows, plain_execute = Call.rows, Call.execute


async def explain(call: Call, statement: str, values: dict[str, Any]) -> None:
    words = statement.split()
    if words[0].lstrip("(") in ("SELECT", "UPDATE", "DELETE") and "{job}" in statement:
        for row in await plain_rows(call, f"EXPLAIN {statement}", **values):
            _, _, table, kind, _, key, _, _, _, extra = row
            if (
                table is not None
                and not str(table).startswith("<")
                and not str(table).endswith("meta")
            ):
                told = {"sql": " ".join(words), "type": kind, "key": key, "extra": extra or ""}
                print(json.dumps(told))


async def rows(call: Call, statement: str, **values: Any) -> Any:
    await explain(call, statement, values)
    found: list[Row] = list(await plain_rows(call, statement, **values))
    return found


async def execute(call: Call, statement: str, **values: Any) -> None:
    await explain(call, statement, values)
    await plain_execute(call, statement, **values)


async def main() -> None:
    storage = Registry().storage(sys.argv[1])()
    await storage.open()
    for _ in range(3):
        jobs = [
            NewJob(new_job_id(), f"t{i % 3}", b"", "raw", priority=i % 5, scheduled_at=i)
            for i in range(1_000)
        ]
        await storage.enqueue("q", jobs, now=10**15)
    for listening in (rows, execute):
        setattr(Call, listening.__name__, listening)
    for types in (None, ("t1", "t2")):
        request = ClaimRequest(types, 250, 10**6, RetryLimits(), "w", uuid.uuid4())
        claimed = (await storage.claim("q", request, now=10**15)).jobs
        await storage.claim("q", request, now=10**15)
        await storage.extend("q", [Lease(job.id, job.token) for job in claimed], 1, now=10**15)
    done = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in claimed[:100]]
    await storage.settle("q", done, now=10**15)
    await storage.reap("q", 100, now=10**16)
    await storage.prune("q", 0, 10, now=10**16)
    await storage.close()


if __name__ == "__main__":
    asyncio.run(main())
