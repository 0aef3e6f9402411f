"""Putting an option into a storage's URL."""

from __future__ import annotations

from urllib.parse import quote, unquote


def with_option(url: str, name: str, value: str) -> str:
    """Set an option in a URL's query, in the place of one of that name.

    All else stays as it was written: a password may hold anything.
    """
    address, _, query = url.partition("?")
    kept = [each for each in query.split("&") if each and unquote(each.partition("=")[0]) != name]
    return f"{address}?{'&'.join([*kept, f'{name}={quote(value)}'])}"
