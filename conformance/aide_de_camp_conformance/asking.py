"""Why a requirement may end without an answer: what it needs isn't there, or the harness broke."""

from __future__ import annotations

from enum import StrEnum


class Need(StrEnum):
    """What a requirement needs besides a storage, in words that follow "needs"."""

    SERVER = "a server that the harness can kill"
    CONNECTIONS = "connections that can be cut"
    NETWORK = "a storage that is reached over a network"


class NotAsked(LookupError):
    """What the requirement needs isn't there, so that it can't be asked; its words say why.

    They stand in the report: a requirement that wasn't asked isn't told as one that holds.
    """


class HarnessBroken(Exception):
    """The harness failed, so that nothing was found out; the cause is what it raised."""
