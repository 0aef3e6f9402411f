"""Everything that is logged meanwhile, as a person with a debugger's curiosity would see it."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager


class _Keeper(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: value for key, value in vars(record).items() if key not in ("msg", "args")}
        self._lines.append(f"{self.format(record)} {fields}")


@contextmanager
def listening(name: str = "aide_de_camp") -> Generator[list[str]]:
    """Keep every line that is logged in the block, down to DEBUG.

    Args:
        name: the logger; those below it are heard too.

    Yields:
        The lines, tracebacks and extra fields included.
    """
    lines: list[str] = []
    keeper, logger = _Keeper(lines), logging.getLogger(name)
    level, propagate = logger.level, logger.propagate
    logger.addHandler(keeper)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(level)
        logger.propagate = propagate
