"""What a URL and its options say: the database, and how to use it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen

from aide_de_camp.spi import ConfigurationError

SCHEMES: Final = ("mariadb", "mysql")
KNOWN: Final = ("migrate", "pool_size", "prefix", "timeout")
_PREFIX: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_PORT: Final = 3306
_POOL_MAX: Final = 1_000
_SECONDS_MAX: Final = 3_600.0


@frozen
class Options:
    """How to use one database.

    Attributes:
        host: the server's name or address.
        port: the server's port.
        user: who connects.
        password: the user's; it is in no message.
        database: the database that holds the tables.
        prefix: what the tables' names begin with.
        migrate: whether ``open`` may create and upgrade the tables.
        pool_size: the most connections of one storage.
        timeout: how long one call may take, in seconds.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    prefix: str = "adc_"
    migrate: bool = True
    pool_size: int = 5
    timeout: float = 30.0

    @classmethod
    def parse(cls, url: str, options: Mapping[str, str]) -> Options:
        """Read a URL and options.

        Raises:
            ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
        """
        address, _, query = url.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True)) | dict(options)
        unknown = sorted(set(given) - set(KNOWN))
        if unknown:
            # A name isn't shown: a '?' in a password would make a piece of it a name.
            raise ConfigurationError(
                "options", f"an option isn't known; those that are: {', '.join(KNOWN)}"
            )
        try:
            parts = urlsplit(address)
            port = _PORT if parts.port is None else parts.port
        except ValueError:
            # The words of the error may quote a piece of a password, so they are left out.
            raise ConfigurationError(
                "url", "can't be read; special characters in a password are written as %XX"
            ) from None
        database = unquote(parts.path.removeprefix("/"))
        if not parts.hostname or not database or "/" in database or parts.fragment:
            raise ConfigurationError("url", "must be like mariadb://user:password@host/database")
        return cls(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=database,
            prefix=_prefix(given.get("prefix", "adc_")),
            migrate=_switch("migrate", given.get("migrate", "on")),
            pool_size=_count("pool_size", given.get("pool_size", "5")),
            timeout=_seconds("timeout", given.get("timeout", "30")),
        )


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ConfigurationError("prefix", "must be 1 to 40 letters, digits and underscores")
    return text


def _switch(name: str, text: str) -> bool:
    if text not in ("on", "off"):
        raise ConfigurationError(name, f"must be on or off, not {text!r}")
    return text == "on"


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _POOL_MAX):
        raise ConfigurationError(name, f"must be a number from 1 to {_POOL_MAX}, not {text!r}")
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _SECONDS_MAX:
        raise ConfigurationError(
            name, f"must be seconds above 0 and up to {_SECONDS_MAX:g}, not {text!r}"
        )
    return seconds
