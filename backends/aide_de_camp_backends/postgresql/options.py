"""What a URL and its options say: the database, and how to use it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from attrs import field, frozen

from aide_de_camp.spi import ConfigurationError

SCHEMES: Final = ("postgresql", "postgres")
_DRIVER: Final = frozenset(
    {
        "dbname",
        "gsslib",
        "host",
        "krbsrvname",
        "passfile",
        "password",
        "port",
        "service",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""Parameters of libpq that the driver reads itself; it would send any other to the server."""
_OURS: Final = (
    "command_timeout",
    "connect_timeout",
    "listen",
    "migrate",
    "pool_size",
    "pool_timeout",
    "prefix",
    "prepared_statements",
    "schema",
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION: Final = re.compile(r"[a-z_]+")
_NO_OPTION: Final = (
    "something that is no option's name (a '?' in a user or password is written as %3F)"
)
_SCHEMA_MAX: Final = 63
_PREFIX_MAX: Final = 32
_SECONDS_MAX: Final = 3_600.0
_POOL_MAX: Final = 1_000
_PORT_MAX: Final = 65_535


@frozen
class Options:
    """How to use one database.

    Attributes:
        dsn: the URL for the driver, without our own options; it may hold a password.
        schema: the schema of the tables; None means the first of the connection's search path.
        prefix: what the tables' names begin with.
        pool_size: the most connections for calls; the one that listens comes on top.
        connect_timeout: how long making a connection may take, in seconds.
        command_timeout: how long one call may take once it has a connection, in seconds.
        pool_timeout: how long a call waits for a connection, in seconds.
        prepared: True or False for prepared statements; None keeps them, but for behind a
            pooler: there a name may stand for a statement of somebody else's.
        listen: True or False for wake-ups by LISTEN; None tries, and goes without behind a
            pooler.
        migrate: whether ``open`` may create and upgrade the tables.
    """

    dsn: str = field(repr=False)
    schema: str | None = None
    prefix: str = "adc_"
    pool_size: int = 5
    connect_timeout: float = 10.0
    command_timeout: float = 30.0
    pool_timeout: float = 10.0
    prepared: bool | None = None
    listen: bool | None = None
    migrate: bool = True

    @classmethod
    def parse(cls, url: str, options: Mapping[str, str]) -> Options:
        """Read a URL and options; nothing is connected to.

        Raises:
            ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
        """
        address, _, query = url.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True)) | dict(options)
        # First: where a password holds an unescaped '?', the rest isn't what it seems.
        _check_address(address, given)
        unknown = sorted(set(given) - set(_OURS) - _DRIVER)
        if unknown:
            # Not shown where it may be a piece of such a password.
            shown = ", ".join(unknown) if all(map(_OPTION.fullmatch, unknown)) else _NO_OPTION
            raise ConfigurationError(
                "options",
                f"postgresql doesn't know {shown}; it knows {', '.join(_OURS)} and "
                "libpq's parameters for a connection, such as sslmode",
            )
        for_driver = {name: value for name, value in given.items() if name in _DRIVER and value}
        query = urlencode(for_driver, quote_via=quote)
        return cls(
            dsn=f"{address}?{query}" if query else address,
            schema=_schema(given),
            prefix=_prefix(given),
            pool_size=_count(given, "pool_size", 5),
            connect_timeout=_seconds(given, "connect_timeout", 10),
            command_timeout=_seconds(given, "command_timeout", 30),
            pool_timeout=_seconds(given, "pool_timeout", 10),
            prepared=_choice(given, "prepared_statements", "auto", _AUTO),
            listen=_choice(given, "listen", "auto", _AUTO),
            migrate=bool(_choice(given, "migrate", "true", _ON_OFF)),
        )


_ON_OFF: Final[dict[str, bool | None]] = {"on": True, "off": False, "true": True, "false": False}
_AUTO: Final[dict[str, bool | None]] = {"auto": None, **_ON_OFF}


def _check_address(address: str, given: Mapping[str, str]) -> None:
    hosts = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    places = hosts.split(",") if hosts else []
    ports = [place.rpartition(":")[2] for place in places if re.search(r":[^\]]*$", place)]
    ports += given["port"].split(",") if given.get("port") else []
    for port in ports:
        # Not shown: where a password holds an unescaped '@' or '/', this is a piece of it.
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX):
            raise ConfigurationError(
                "url",
                f"the port must be a number from 1 to {_PORT_MAX}; special characters in a user "
                "or password are written as %XX",
            )
    if "#" in address:
        raise ConfigurationError("url", "write a '#' in a user or password as %23")


def _schema(given: Mapping[str, str]) -> str | None:
    name = given.get("schema")
    if name is not None and (len(name) > _SCHEMA_MAX or not _NAME.fullmatch(name)):
        raise ConfigurationError(
            "schema", f"must be up to {_SCHEMA_MAX} letters, digits and underscores, not {name!r}"
        )
    return name


def _prefix(given: Mapping[str, str]) -> str:
    prefix = given.get("prefix", "adc_")
    if len(prefix) > _PREFIX_MAX or not _NAME.fullmatch(prefix):
        raise ConfigurationError(
            "prefix",
            f"must be 1 to {_PREFIX_MAX} letters, digits and underscores, not {prefix!r}",
        )
    return prefix


def _choice(
    given: Mapping[str, str], name: str, default: str, values: Mapping[str, bool | None]
) -> bool | None:
    value = given.get(name, default).lower()
    if value not in values:
        raise ConfigurationError(name, f"must be {' or '.join(values)}, not {value!r}")
    return values[value]


def _count(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _POOL_MAX):
        raise ConfigurationError(name, f"must be a number from 1 to {_POOL_MAX}, not {text!r}")
    return int(text)


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _SECONDS_MAX:
        raise ConfigurationError(
            name, f"must be seconds above 0 and up to {_SECONDS_MAX:g}, not {text!r}"
        )
    return seconds
