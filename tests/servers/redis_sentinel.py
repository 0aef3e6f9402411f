"""A Redis master with two replicas, and three sentinels that watch them."""

from __future__ import annotations

from typing import Self

from .process import wait_until
from .redis_server import Persistence, RedisNode, RedisServer
from .resp import ReplyError

REPLICAS = 2
SENTINELS = 3
QUORUM = 2


class RedisSentinels:
    """Three servers, ``servers``, and three sentinels, ``sentinels``.

    Args:
        service: The name that the sentinels know the master by.
        down_after_ms: After how long of silence a master is held to be dead.
        persistence: As of a single server.
        password: What the servers' clients must give; the sentinels ask for none.
    """

    def __init__(
        self,
        *,
        service: str = "adc",
        down_after_ms: int = 3_000,
        persistence: Persistence = "none",
        password: str | None = None,
    ) -> None:
        self.service = service
        self.password = password
        master = RedisServer(persistence=persistence, password=password)
        self.servers = [master] + [
            RedisServer(persistence=persistence, password=password, replica_of=master)
            for _ in range(REPLICAS)
        ]
        orders = [
            f"monitor {service} {master.host} {master.port} {QUORUM}",
            f"down-after-milliseconds {service} {down_after_ms}",
            f"failover-timeout {service} 10000",
        ]
        if password is not None:
            orders.append(f"auth-pass {service} {password}")
        self.sentinels = [
            RedisNode({"sentinel": orders}, arguments=["--sentinel"]) for _ in range(SENTINELS)
        ]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether all of them run."""
        return all(node.running for node in [*self.servers, *self.sentinels])

    def start(self) -> None:
        """Start all that doesn't run, and wait until the sentinels know each other.

        Raises:
            ServerFailed: They don't get there.
        """
        for node in [*self.servers, *self.sentinels]:
            if not node.running:
                node.start()
        wait_until(lambda: all(map(self._is_well, self.sentinels)), "Sentinels never got ready")

    restart = start

    def close(self) -> None:
        """End all of them, and remove what they had."""
        for node in [*self.sentinels, *self.servers]:
            node.close()

    def url(self, database: int = 0) -> str:
        """Give the service's address, with every sentinel in it."""
        login = "" if self.password is None else f":{self.password}@"
        nodes = ",".join(f"{node.host}:{node.port}" for node in self.sentinels)
        return f"redis+sentinel://{login}{nodes}/{self.service}/{database}"

    def master(self) -> RedisServer:
        """Give the server that the sentinels send clients to now."""
        return self._master_seen_by(next(node for node in self.sentinels if node.running))

    def fail_over(self) -> RedisServer:
        """Kill the master, and wait until all sentinels name another one, which takes writes.

        Returns:
            The new master. The old one can be started again: it becomes a replica.

        Raises:
            ServerFailed: They name none.
        """
        old = self.master()
        old.kill()

        def has_followed(sentinel: RedisNode) -> bool:
            return self._master_seen_by(sentinel) is not old

        running = [node for node in self.sentinels if node.running]
        wait_until(lambda: all(map(has_followed, running)), "No replica took the master's place")
        new = self.master()
        wait_until(lambda: new.info("replication")["role"] == "master", "It takes no writes")
        return new

    def _master_seen_by(self, sentinel: RedisNode) -> RedisServer:
        _, port = sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)
        return next(node for node in self.servers if node.port == int(port))

    def _is_well(self, sentinel: RedisNode) -> bool:
        try:
            sentinel.call("SENTINEL", "CKQUORUM", self.service)
            flat = sentinel.call("SENTINEL", "MASTER", self.service)
        except ReplyError:
            return False
        about = dict(zip(flat[::2], flat[1::2], strict=True))
        known = int(about["num-slaves"]), int(about["num-other-sentinels"])
        return known == (REPLICAS, SENTINELS - 1)
