"""The driver, which has no types: so all that is used of it goes by this one name."""

from __future__ import annotations

from typing import Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] # as said

driver: Final[Any] = asyncpg
