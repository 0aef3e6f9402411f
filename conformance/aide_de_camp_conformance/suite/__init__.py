"""The requirements, a module per group of clauses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aide_de_camp_conformance.requirement import Requirement, collect
from aide_de_camp_conformance.suite import (
    cancelling,
    capabilities,
    clocks,
    connections,
    crashes,
    dead,
    decoding,
    errors,
    leases,
    liveness,
    looking,
    moving,
    outcomes,
    priority,
    racing,
    replies,
    retries,
    scheduling,
    servers,
    shutdown,
    times,
    transactions,
)

REQUIREMENTS: Final[Mapping[str, Requirement]] = collect(
    (
        scheduling,
        times,
        priority,
        racing,
        cancelling,
        decoding,
        leases,
        clocks,
        outcomes,
        crashes,
        retries,
        dead,
        shutdown,
        liveness,
        connections,
        servers,
        replies,
        looking,
        errors,
        transactions,
        capabilities,
        moving,
    ),
    Requirement,
)
"""Every requirement by its id."""
