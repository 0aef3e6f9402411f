"""Joining the user's transactions, of every kind that is taken (clause TXN-1)."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from aide_de_camp.spi import (
    EnqueueResult,
    InvalidArgument,
    StorageError,
    StorageUnavailable,
    Wake,
)

from ..servers.postgresql import PostgresServer
from .conftest import DatabaseBench
from .test_waking import settled, woken


def url_of(bench, driver):
    return bench.url.replace("postgresql:", f"postgresql+{driver}:")


@pytest.fixture
def engine(bench):
    made = create_engine(url_of(bench, "psycopg"))
    yield made
    made.dispose()


async def count(bench):
    ((found,),) = await bench.sql("SELECT count(*) FROM adc_job")
    return found


@pytest.mark.parametrize("kind", ["connection", "session", "scoped"])
def test_blocking_transactions_of_another_driver(bench, engine, kind):
    async def run() -> None:
        async with bench.opened() as storage:
            make = {
                "connection": engine.connect,
                "session": lambda: Session(engine),
                "scoped": scoped_session(sessionmaker(engine)),
            }[kind]
            own = make()
            jobs = [bench.job(payload=b"\x00\xff"), bench.job(delay=5)]
            results = await storage.enqueue_in(own, "q", [*jobs, jobs[0]], now=bench.now)
            stored, exists = EnqueueResult.STORED, EnqueueResult.EXISTS
            assert list(results) == [stored, stored, exists]
            assert await count(bench) == 0
            own.rollback()
            assert await count(bench) == 0
            await storage.enqueue_in(own, "q", jobs, now=bench.now)
            own.commit()
            own.close()
            records = await storage.get("q", [job.id for job in jobs])
            assert [each.payload for each in records] == [b"\x00\xff", b"{}"]
            assert records[1].scheduled_at == bench.now + 5

    asyncio.run(run())


def test_async_sessions_and_many_jobs_at_once(bench):
    async def run() -> None:
        engine = create_async_engine(url_of(bench, "asyncpg"))
        async with bench.opened() as storage, async_sessionmaker(engine)() as session:
            jobs = [bench.job() for _ in range(1_000)]
            await storage.enqueue_in(session, "q", jobs, now=None)
            await session.execute(text("CREATE TABLE mine (n integer)"))
            assert await count(bench) == 0
            await session.commit()
            assert await count(bench) == 1_000
        await engine.dispose()

    asyncio.run(run())


def test_the_driver_s_own_transaction(bench):
    async def run() -> None:
        async with bench.opened() as storage, asyncpg.create_pool(bench.url) as pool:
            async with pool.acquire() as connection:
                with pytest.raises(InvalidArgument, match="no transaction"):
                    await storage.enqueue_in(connection, "q", [bench.job()], now=None)
                async with connection.transaction():
                    await storage.enqueue_in(connection, "q", [bench.job()], now=None)
                    assert await count(bench) == 0
            assert await count(bench) == 1

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["session", "connection", "async session", "async connection"])
def test_runners_are_woken_after_the_commit(bench, engine, kind):
    async def run() -> None:
        other = create_async_engine(url_of(bench, "asyncpg"))
        async with bench.opened() as storage, bench.opened() as listener:
            ticket = await settled(listener)
            await storage.enqueue("q", [bench.job()], now=None)
            await woken(listener, ticket)
            ticket = listener.ticket("q")
            own = {
                "session": lambda: Session(engine),
                "connection": engine.connect,
                "async session": lambda: AsyncSession(other),
                "async connection": other.connect,
            }[kind]()
            if kind == "async connection":
                own = await own
            for _ in range(2):
                # The second is stored in the same session, in a transaction of its own.
                await storage.enqueue_in(own, "q", [bench.job()], now=None)
                assert await listener.wait("q", ticket, 0.1) is Wake.TIMEOUT
                done = own.commit()
                if done is not None:
                    await done
                await woken(listener, ticket)
                ticket = listener.ticket("q")
            closing = own.close()
            if closing is not None:
                await closing
        await other.dispose()

    asyncio.run(run())


def test_what_can_t_be_joined_is_refused(bench, engine, postgresql_server, tmp_path):
    elsewhere = postgresql_server.create_database()

    async def run() -> None:
        async with bench.opened() as storage:
            strange = {
                "sqlite": create_engine(f"sqlite:///{tmp_path}/x.db"),
                "another|tables are in": create_engine(
                    elsewhere.replace("postgresql:", "postgresql+psycopg:")
                ),
                "AUTOCOMMIT": engine.execution_options(isolation_level="AUTOCOMMIT"),
            }
            for words, each in strange.items():
                with each.connect() as own, pytest.raises(InvalidArgument, match=words):
                    await storage.enqueue_in(own, "q", [bench.job()], now=None)
                each.dispose()
            for own in (engine, object(), None):
                with pytest.raises(InvalidArgument, match="SQLAlchemy"):
                    await storage.enqueue_in(own, "q", [bench.job()], now=None)
            assert await count(bench) == 0

    asyncio.run(run())
    postgresql_server.drop_database(elsewhere)


def reached(error: BaseException | None) -> list[BaseException]:
    """Give all that an error leads to, also what isn't shown with it."""
    if error is None:
        return []
    return [error, *reached(error.__cause__), *reached(error.__context__)]


def test_a_server_that_is_away_is_told_of_as_such(bench, postgresql_server, proxy_to):
    """The driver's own errors aren't all of SQLAlchemy's kind."""
    proxy = proxy_to(postgresql_server.port)

    async def run() -> None:
        made = create_async_engine(proxy.through(url_of(bench, "asyncpg")))
        job = bench.job(payload=b"secret")
        async with bench.opened() as storage:
            proxy.refuse()
            async with AsyncSession(made) as session:
                with pytest.raises(StorageUnavailable, match="roll it back") as caught:
                    await storage.enqueue_in(session, "q", [job], now=None)
            assert caught.value.outcome_unknown is False
            assert caught.value.job_ids == (job.id,)
            proxy.resume()
            async with AsyncSession(made) as session:
                await storage.enqueue_in(session, "q", [job], now=None)
                await session.commit()
            assert await count(bench) == 1
        await made.dispose()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["session", "driver"])
def test_another_server_s_database_of_the_same_name_is_refused(bench, kind):
    async def run() -> None:
        with PostgresServer() as server:
            name = bench.url.rpartition("/")[2]
            server.sql(f'CREATE DATABASE "{name}"')
            elsewhere = DatabaseBench(f"{server.url().rpartition('/')[0]}/{name}")
            async with bench.opened() as storage, elsewhere.opened() as other:
                assert await other.enqueue("q", [bench.job()], now=None)
                refusal = pytest.raises(InvalidArgument, match="another database")
                if kind == "driver":
                    connection = await asyncpg.connect(elsewhere.url)
                    async with connection.transaction():
                        with refusal:
                            await storage.enqueue_in(connection, "q", [bench.job()], now=None)
                    await connection.close()
                else:
                    made = create_engine(url_of(elsewhere, "psycopg"))
                    with Session(made) as session, refusal:
                        await storage.enqueue_in(session, "q", [bench.job()], now=None)
                    made.dispose()
            assert await count(elsewhere) == 1

    asyncio.run(run())


def test_a_failure_shows_nothing_of_the_payload(bench, engine):
    async def run() -> None:
        async with bench.opened() as storage:
            with engine.connect() as own:
                with pytest.raises(Exception, match="syntax"):
                    own.execute(text("no sql"))
                job = bench.job(payload=b"secret")
                with pytest.raises(StorageError, match="25P02") as caught:
                    await storage.enqueue_in(own, "q", [job], now=None)
                assert caught.value.job_id == job.id
                for error in reached(caught.value):
                    assert "secret" not in f"{error} {error!r} {vars(error)}"

    asyncio.run(run())
