"""The kinds of storages that jobs are moved between. A backend joins by a line in each of two."""

from __future__ import annotations

import itertools

SHARED = ["sqlite", "postgresql", "redis"]
KINDS = ["memory", *SHARED]

PAIRS = list(itertools.product(KINDS, repeat=2))
SHARED_PAIRS = list(itertools.product(SHARED, repeat=2))
