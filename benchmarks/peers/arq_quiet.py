"""A logging configuration for arq's command, which logs two lines for each job otherwise."""

from __future__ import annotations

CONFIG = {"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}}
