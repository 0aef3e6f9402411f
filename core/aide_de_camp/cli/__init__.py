"""The command ``adc``. What a command needs beyond click is imported when it runs."""

from __future__ import annotations

from aide_de_camp.cli.app import main

__all__ = ["main"]
