"""Joining the user's transactions on the same file (clause TXN-1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from aide_de_camp.spi import EnqueueResult, InvalidArgument, StorageUnavailable, Wake


async def count(storage) -> int:
    from aide_de_camp.spi import CountFilter

    return sum(row.count for row in await storage.count("q", CountFilter()))


@pytest.mark.parametrize("kind", ["connection", "session", "async session"])
def test_each_kind_of_transaction_is_joined(bench, kind):
    async def run() -> None:
        async with bench.opened() as storage:
            engine = create_engine(f"sqlite:///{bench.path}")
            other = create_async_engine(f"sqlite+aiosqlite:///{bench.path}")
            own: Any = {
                "connection": engine.connect,
                "session": lambda: Session(engine),
                "async session": lambda: AsyncSession(other),
            }[kind]()

            async def do(what) -> None:
                result = what()
                if result is not None:
                    await result

            jobs = [bench.job(payload=b"\x00"), bench.job()]
            results = await storage.enqueue_in(own, "q", [*jobs, jobs[0]], now=bench.now)
            stored, exists = EnqueueResult.STORED, EnqueueResult.EXISTS
            assert list(results) == [stored, stored, exists]
            assert await count(storage) == 0
            await do(own.rollback)
            assert await count(storage) == 0
            await storage.enqueue_in(own, "q", jobs, now=bench.now)
            ticket = storage.ticket("q")
            await do(own.commit)
            await do(own.close)
            assert await storage.wait("q", ticket, 30) is Wake.WORK
            assert [job.id for job in (await bench.claim(storage)).jobs] == [job.id for job in jobs]
            engine.dispose()
            await other.dispose()

    asyncio.run(run())


def test_another_file_and_another_database_are_refused(bench, tmp_path):
    async def run() -> None:
        async with bench.opened() as storage:
            for url in (f"sqlite:///{tmp_path}/other.db", "sqlite://"):
                engine = create_engine(url)
                with engine.connect() as own, pytest.raises(InvalidArgument, match="another file"):
                    await storage.enqueue_in(own, "q", [bench.job()], now=None)
                engine.dispose()
            engine = create_engine(f"sqlite:///{bench.path}", isolation_level="AUTOCOMMIT")
            with engine.connect() as own, pytest.raises(InvalidArgument, match="AUTOCOMMIT"):
                await storage.enqueue_in(own, "q", [bench.job()], now=None)
            engine.dispose()
            assert await count(storage) == 0

    asyncio.run(run())


def test_a_lock_held_by_others_is_told_of_and_shows_no_payload(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            engine = create_engine(f"sqlite:///{bench.path}", connect_args={"timeout": 0.1})
            with engine.connect() as holder, engine.connect() as own:
                holder.execute(text("UPDATE adc_meta SET value = value"))
                job = bench.job(payload=b"secret")
                with pytest.raises(StorageUnavailable, match="roll it back") as caught:
                    await storage.enqueue_in(own, "q", [job], now=None)
                assert caught.value.job_ids == (job.id,)
                assert caught.value.outcome_unknown is False
                assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
            engine.dispose()

    asyncio.run(run())
