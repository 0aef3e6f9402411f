"""The runner: claims jobs, runs their handlers, and settles how each attempt ended."""

from __future__ import annotations

from aide_de_camp.runner.runner import JobRunner

__all__ = ["JobRunner"]
