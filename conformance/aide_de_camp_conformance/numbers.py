"""Numbers that commands take: bounded, and never what only looks like one."""

from __future__ import annotations

import math
from typing import Any, Final

import click

SEED: Final = click.IntRange(0, 2**63 - 1)
"""What draws are made by."""


class Seconds(click.FloatRange):
    """How long something takes: 1 second to a day."""

    def __init__(self) -> None:
        super().__init__(1, 86_400)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; what is no number, of which neither bound is true, is refused too."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number
