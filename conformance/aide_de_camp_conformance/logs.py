"""What the code under test logs, kept out of the kit's own words."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager


def quiet() -> None:
    """Keep what the core logs from being printed, for the rest of this process."""
    logger = logging.getLogger("aide_de_camp")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


@contextmanager
def quieted() -> Generator[None]:
    """Keep it from being printed during the block."""
    logger = logging.getLogger("aide_de_camp")
    handlers, propagates = logger.handlers[:], logger.propagate
    quiet()
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = handlers, propagates
