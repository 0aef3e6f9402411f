"""What a backend may declare beyond the clauses that all must keep (the contract's level 3)."""

from __future__ import annotations

from enum import Enum


class Capability(Enum):
    """A declared property or call of a backend; its value is the clause's id.

    A *call* capability that isn't declared must refuse with
    :class:`~aide_de_camp.spi.CapabilityNotSupported` and change nothing. A *property* is
    reported, and one declared that the kit refutes fails.
    """

    TRANSACTIONAL_ENQUEUE = "TXN-1"
    """Call: jobs scheduled in the user's own transaction exist exactly if it commits."""
    MOVE = "MOV-1"
    """Call: jobs can be held, imported and so moved to and from other storages."""
    WAKE_UP = "WAK-1"
    """Property: what another process schedules is run without waiting for a poll."""
    SHARED = "SHR-1"
    """Property: several processes may share the storage."""
    SURVIVES_KILL = "DUR-1"
    """Property: what was acknowledged survives kill -9 of the storage's server or process."""
    SURVIVES_POWER_LOSS = "DUR-2"
    """Property: what was acknowledged survives a loss of power."""
