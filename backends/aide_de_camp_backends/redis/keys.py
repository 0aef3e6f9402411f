"""The names of a queue's keys. All share one hash tag, so a cluster keeps them on one node."""

from __future__ import annotations

from typing import Final

from attrs import frozen

_NAMES: Final = (
    "job",
    "body",
    "run",
    "error",
    "schedule",
    "leases",
    "held",
    "done",
    "dead",
    "ids",
    "counts",
    "meta",
)
"""In the order of the scripts' KEYS."""


@frozen
class QueueKeys:
    """The keys of one queue.

    Attributes:
        tag: what begins every one of them, and decides their slot.
        all: what the scripts take as KEYS.
        job: a hash from each job's id to its head.
        counts: a hash of how many jobs are in which state, by type.
        channel: on which wake-ups are published.
    """

    tag: str
    all: tuple[str, ...]
    job: str
    counts: str
    channel: str

    @classmethod
    def of(cls, prefix: str, queue: str) -> QueueKeys:
        """Give the keys of a queue.

        Args:
            prefix: what keeps the keys of several applications apart.
            queue: the queue's name.
        """
        tag = f"{{{prefix}:{queue}}}"
        keys = tuple(f"{tag}:{name}" for name in _NAMES)
        return cls(
            tag, keys, keys[_NAMES.index("job")], keys[_NAMES.index("counts")], f"{tag}:wake"
        )


def registry_key(prefix: str) -> str:
    """Give the key of the set that names the queues."""
    return f"{{{prefix}}}:queues"


def layout_key(prefix: str) -> str:
    """Give the key that says which layout the other keys have."""
    return f"{{{prefix}}}:layout"
