"""What the code under test logs, kept out of the kit's own words."""

from __future__ import annotations

import logging


def quiet() -> None:
    """Keep what the core logs from being printed, for the rest of this process."""
    logger = logging.getLogger("aide_de_camp")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
