"""The project's own backends, each with one fault: what the kit must find of real ones.

What it can't find, and why:

* A claim that waits for locked rows (``FOR UPDATE`` without ``SKIP LOCKED``) is slower and right;
  so is a deferred transaction of SQLite's that is made again after ``SQLITE_BUSY_SNAPSHOT``.
* ``synchronous=OFF`` and ``appendfsync no`` lose data with the power alone: DUR-2 is reported.
* A NOTIFY within the user's transaction is delivered with its commit, like one after it.
* A client's clock that *every* verb reads, where no network lies between: within one host it is
  what SQLite does by right.
"""

from __future__ import annotations

from . import postgresql_faults, redis_faults, server_faults, sqlite_faults, toys
from .mutant import RealMutant, collect

MUTANTS = collect((sqlite_faults, postgresql_faults, redis_faults, server_faults, toys))
"""Every one by its name."""

__all__ = ["MUTANTS", "RealMutant"]
