"""The sizes of searches, which stand in the statements as literals.

With ``LIMIT`` as a parameter a generic plan takes it for a tenth of the table, and sorts that; with
a literal, generic and custom plans search alike. So that few statements are prepared, a limit is
rounded up to one of a few sizes; the exact one is applied outside the search.
"""

from __future__ import annotations


def size_of(limit: int) -> int:
    """Round a limit up to 1, 2 or 5 times a power of ten."""
    power = 1
    while True:
        for step in (1, 2, 5):
            if limit <= step * power:
                return step * power
        power *= 10
