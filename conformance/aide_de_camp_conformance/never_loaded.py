"""A codec that is installed, as far as names go, and enabled nowhere: nobody may import it."""

from __future__ import annotations
