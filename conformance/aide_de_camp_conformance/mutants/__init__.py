"""Backends and cores broken on purpose, by which the kit itself is tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aide_de_camp_conformance.mutants import (
    cancelling,
    capabilities,
    claiming,
    core,
    core_decoding,
    core_ending,
    ending,
    keeping,
    leasing,
    moving,
    racing,
    runner,
    servers,
    storages,
    storing,
    transactions,
)
from aide_de_camp_conformance.mutants.mutant import Mutant, collect
from aide_de_camp_conformance.mutants.null import NULLS

MUTANTS: Final[Mapping[str, Mutant]] = collect(
    (
        storing,
        cancelling,
        claiming,
        leasing,
        moving,
        ending,
        keeping,
        storages,
        racing,
        capabilities,
        transactions,
        servers,
        core,
        core_decoding,
        core_ending,
        runner,
    )
)
"""Every mutant by its name."""

__all__ = ["MUTANTS", "NULLS", "Mutant"]
