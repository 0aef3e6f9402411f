"""A Redis cluster of six nodes: three masters, and a replica of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from .process import wait_until
from .redis_server import Persistence, RedisServer

MASTERS = 3
SLOTS = 16_384


class RedisCluster:
    """Six servers that are one; ``nodes`` lists them, the first three being masters at first.

    Args:
        node_timeout_ms: After how long of silence a node is held to be dead. A failover takes
            a second or two more; a busy machine makes a short one see deaths that aren't.
        persistence: As of a single server.
        password: What its clients must give; None means nothing.
        settings: More lines of each node's configuration.
        program: The binary; None means the first that is found.
    """

    def __init__(
        self,
        *,
        node_timeout_ms: int = 4_000,
        persistence: Persistence = "none",
        password: str | None = None,
        settings: Mapping[str, str | int] | None = None,
        program: Path | None = None,
    ) -> None:
        self.password = password
        self.nodes = [
            _Node(node_timeout_ms, persistence, password, settings or {}, program)
            for _ in range(2 * MASTERS)
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
        """Whether all of its nodes run."""
        return all(node.running for node in self.nodes)

    @property
    def ports(self) -> list[int]:
        """The nodes' ports."""
        return [node.port for node in self.nodes]

    def start(self) -> None:
        """Start the nodes and make them a cluster, and wait until it takes commands.

        Raises:
            ServerFailed: It doesn't come up.
        """
        for node in self.nodes:
            node.start()
        first, *others = self.nodes
        for number, node in enumerate(self.nodes, 1):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number)
        for node in others:
            first.call("CLUSTER", "MEET", node.host, node.port, node.bus_port)
        wait_until(
            lambda: all(len(node.table()) == len(self.nodes) for node in self.nodes),
            "The nodes of a cluster never met",
        )
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, node in enumerate(masters):
            span = range(SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS)
            node.call("CLUSTER", "ADDSLOTS", *span)
        for replica, master in zip(replicas, masters, strict=True):
            replica.call("CLUSTER", "REPLICATE", master.id)
        self.wait_until_well()

    def restart(self) -> None:
        """Start the nodes that don't run, on the ports and folders they had.

        Raises:
            ServerFailed: The cluster doesn't get well.
        """
        for node in self.nodes:
            if not node.running:
                node.start()
        self.wait_until_well()

    def close(self) -> None:
        """End the nodes, and remove what they had."""
        for node in self.nodes:
            node.close()

    def url(self) -> str:
        """Give the cluster's address, with every node in it."""
        login = "" if self.password is None else f":{self.password}@"
        nodes = ",".join(f"{node.host}:{node.port}" for node in self.nodes)
        return f"redis+cluster://{login}{nodes}"

    def flush(self) -> None:
        """Empty every master."""
        for node in self.masters():
            node.call("FLUSHALL", "SYNC")

    def masters(self) -> list[RedisServer]:
        """List the running nodes that are masters now."""
        return [node for node in self.nodes if node.running and node.is_master()]

    def master_of(self, key: str) -> RedisServer:
        """Give the node that has a key now; its hash tag decides, if it has one.

        Raises:
            LookupError: No running master has it.
        """
        slot = self._any().call("CLUSTER", "KEYSLOT", key)
        for node in self.nodes:
            if node.running and node.is_master() and node.has(slot):
                return node
        raise LookupError(f"No running master has the slot {slot}")

    def replica_of(self, master: RedisServer) -> RedisServer:
        """Give a running replica of a master.

        Raises:
            LookupError: It has none.
        """
        wanted = next(node.id for node in self.nodes if node is master)
        for node in self.nodes:
            if node.running and node.master_id() == wanted:
                return node
        raise LookupError("This master has no running replica")

    def fail_over(self, master: RedisServer) -> RedisServer:
        """Kill a master, and wait until its replica has its place, as far as all can see.

        Returns:
            The new master. The old one can be started again: it becomes its replica.

        Raises:
            ServerFailed: Nobody takes the place.
        """
        replica = self._node(self.replica_of(master))
        master.kill()
        wait_until(replica.is_master, "No replica took a killed master's place")
        self.wait_until_well()
        return replica

    def hand_over(self, master: RedisServer) -> RedisServer:
        """Have a master and its replica change places in peace; no write is lost.

        Returns:
            The new master.

        Raises:
            ServerFailed: They don't.
        """
        replica = self._node(self.replica_of(master))
        replica.call("CLUSTER", "FAILOVER")
        wait_until(replica.is_master, "A replica didn't get its master's place")
        self.wait_until_well()
        return replica

    def wait_until_well(self) -> None:
        """Wait until all running nodes say that the cluster takes commands, and replicas follow.

        Raises:
            ServerFailed: They don't.
        """
        running = [node for node in self.nodes if node.running]
        wait_until(lambda: all(node.is_well() for node in running), "A cluster never got well")
        # Slots may have moved: all must agree on who has them.
        wait_until(lambda: len({node.view() for node in running}) == 1, "Nodes never agreed")

    def _any(self) -> _Node:
        return next(node for node in self.nodes if node.running)

    def _node(self, server: RedisServer) -> _Node:
        return next(node for node in self.nodes if node is server)


class _Node(RedisServer):
    """One server of a cluster, and what it knows of the others."""

    def __init__(
        self,
        node_timeout_ms: int,
        persistence: Persistence,
        password: str | None,
        settings: Mapping[str, str | int],
        program: Path | None,
    ) -> None:
        chosen: dict[str, str | int] = {
            "databases": 1,
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-node-timeout": node_timeout_ms,
        }
        super().__init__(
            persistence=persistence,
            password=password,
            settings=chosen | dict(settings),
            program=program,
            bus=True,
        )
        self.id = ""

    def start(self) -> None:
        super().start()
        self.id = self.call("CLUSTER", "MYID")

    def table(self) -> list[list[str]]:
        """Give the nodes that it knows, each as the words of CLUSTER NODES."""
        lines: Any = self.call("CLUSTER", "NODES").splitlines()
        rows = [line.split() for line in lines]
        return [row for row in rows if "handshake" not in row[2]]

    def _own_row(self) -> list[str]:
        return next(row for row in self.table() if row[0] == self.id)

    def is_master(self) -> bool:
        return "master" in self._own_row()[2]

    def master_id(self) -> str:
        """Give the id of the master that it follows; ``-`` when it is one."""
        return self._own_row()[3]

    def has(self, slot: int) -> bool:
        for span in self._own_row()[8:]:
            first, _, last = span.partition("-")
            if first.isdigit() and int(first) <= slot <= int(last or first):
                return True
        return False

    def is_well(self) -> bool:
        state = "cluster_state:ok" in self.call("CLUSTER", "INFO")
        return state and self.info("replication").get("master_link_status", "up") == "up"

    def view(self) -> frozenset[tuple[str, ...]]:
        """Give who has which slots, as this node sees it."""
        return frozenset((row[0], *row[8:]) for row in self.table() if row[8:])
