from __future__ import annotations

import asyncio
import sqlite3

import pytest

from aide_de_camp.spi import ErrorRecord, JobFilter, JobState, SettleKind


def change(bench, job_id, **columns):
    connection = sqlite3.connect(bench.path)
    for column, value in columns.items():
        connection.execute(f"UPDATE adc_job SET {column} = ? WHERE id = ?", (value, job_id.bytes))
    connection.commit()
    connection.close()


def test_one_odd_row_does_not_hide_the_others(bench):
    """P139: an unknown state of a newer version, a corrupt payload, an unknown type and codec."""

    async def run() -> None:
        async with bench.opened() as storage:
            ids = await bench.put(storage, *(bench.job() for _ in range(100)))
            change(bench, ids[3], state=9)
            change(bench, ids[4], payload=b"\xff\x00{")
            change(bench, ids[5], job_type="unknown")
            change(bench, ids[6], codec="unknown")
            change(bench, ids[7], error="{not json", error_detail="[1]")
            change(bench, ids[8], error='["no object"]')
            change(bench, ids[9], error='{"type": 1, "message": null, "offset": "x"}')
            change(bench, ids[10], error="[" * 100_000)
            records = (await storage.list("q", JobFilter(), limit=200)).records
            assert [record.id for record in records] == ids
            assert records[3].state is JobState.DEAD
            assert records[3].reason == "unknown state 9"
            for record in (*records[7:11], *await storage.get("q", ids[7:11])):
                assert record.error == ErrorRecord("unreadable", "")
            claimed = (await bench.claim(storage, limit=100)).jobs
            assert ids[3] not in {job.id for job in claimed}
            assert len(claimed) == 99
            (shown,) = await storage.get("q", [ids[3]])
            assert shown.reason == "unknown state 9"

    asyncio.run(run())


def test_listings_leave_out_what_may_be_long_or_quote_a_payload(bench):
    error = ErrorRecord("E", "m", traceback="t" * 1_000, detail="secret", path="$.a", offset=0)

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(payload=b"\0" * 12_345))
            (job,) = (await bench.claim(storage)).jobs
            await bench.settle(storage, job, SettleKind.DEAD, reason="decode", error=error)
            (listed,) = (await storage.list("q", JobFilter(), limit=1)).records
            assert (listed.payload, listed.payload_size) == (None, 12_345)
            assert listed.error == ErrorRecord("E", "m", path="$.a", offset=0)
            (read,) = await storage.get("q", [job.id])
            assert (read.payload, read.payload_size) == (b"\0" * 12_345, 12_345)
            assert read.error == error

    asyncio.run(run())


@pytest.mark.parametrize("payload", [b"", b"\0", b"\xff\xfe\x00", bytes(range(256)) * 4_096])
def test_payloads_come_back_byte_for_byte(bench, payload):
    """Clause ENQ-2."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(payload=payload))
            (job,) = (await bench.claim(storage)).jobs
            assert job.payload == payload

    asyncio.run(run())


def test_a_damaged_file_is_named_as_such(bench):
    """Clause ERR-1."""

    async def run() -> None:
        from aide_de_camp.spi import StorageError

        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job(payload=b"x" * 3_000) for _ in range(200)))
        data = bytearray(bench.path.read_bytes())
        data[4096 * 3 :] = b"\xaa" * (len(data) - 4096 * 3)
        bench.path.write_bytes(data)
        async with bench.opened() as storage:
            with pytest.raises(StorageError, match="damaged"):
                await storage.list("q", JobFilter(), limit=100)
            with pytest.raises(StorageError, match="damaged"):
                await bench.put(storage, *(bench.job() for _ in range(50)))

    asyncio.run(run())
