"""What a URL and its options say: where the servers are, and how to use them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, unquote

from attrs import field, frozen

from aide_de_camp.spi import ConfigurationError

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_LONGEST: Final = 3_600.0
_POOL_MAX: Final = 10_000
_DATABASE_DIGITS: Final = 9
# No colon: that ends the prefix in a key, so that no other prefix and queue have the same keys.
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_HOST: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<name>[^:,\[\]/?#@\s]+))(?::(?P<port>[0-9]{1,5}))?"
)

Address = tuple[str, int]


class Kind(Enum):
    """How servers are found, by the URL's scheme."""

    SINGLE = "redis"
    SINGLE_TLS = "rediss"
    CLUSTER = "redis+cluster"
    SENTINEL = "redis+sentinel"


@frozen
class Tls:
    """How connections are encrypted.

    Attributes:
        ca: a file of certificates to trust; None trusts the system's.
        cert: a file with the client's certificate; None presents none.
        key: a file with its key.
        check_host: whether the certificate must name the host.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    check_host: bool = True


@frozen
class Options:
    """How to use one Redis.

    Attributes:
        kind: how servers are found.
        addresses: the server; the cluster's nodes to ask first; or the sentinels.
        database: the number of the database; 0 on a cluster.
        service: the name that the sentinels know the master by; empty elsewhere.
        username: of the servers; None for the default user.
        password: of the servers; None where they ask for none.
        sentinel_username: of the sentinels.
        sentinel_password: of the sentinels.
        prefix: begins every key.
        pool_size: connections per node at most, one more for wake-ups.
        pool_timeout: how long a call waits for one of them, in seconds.
        connect_timeout: how long connecting may take, in seconds.
        timeout: how long the server may take to answer, in seconds.
        tls: None for plain connections.
    """

    kind: Kind
    addresses: tuple[Address, ...]
    database: int = 0
    service: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    prefix: str = "adc"
    pool_size: int = 10
    pool_timeout: float = 10.0
    connect_timeout: float = 5.0
    timeout: float = 10.0
    tls: Tls | None = None

    @classmethod
    def parse(cls, url: str, options: Mapping[str, str]) -> Options:
        """Read a URL and options; nothing is connected.

        No message shows the URL: there may be a password in it.

        Raises:
            ConfigurationError: the URL can't be read, or an option is unknown or has a bad value.
        """
        scheme, _, rest = url.partition("://")
        kind = Kind(scheme.lower())
        address, _, query = rest.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True)) | dict(options)
        _check_names(kind, given)
        login, at, place = address.rpartition("@")
        hosts, _, path = place.partition("/")
        username, _, password = login.partition(":") if at else ("", "", "")
        service, database = _path(kind, path)
        return cls(
            kind=kind,
            addresses=_addresses(kind, hosts),
            database=database,
            service=service,
            username=unquote(username) or None,
            password=unquote(password) or None,
            sentinel_username=given.get("sentinel_username") or None,
            sentinel_password=given.get("sentinel_password") or None,
            prefix=_prefix(given),
            pool_size=_count(given, "pool_size", 10, _POOL_MAX),
            pool_timeout=_seconds(given, "pool_timeout", 10.0),
            connect_timeout=_seconds(given, "connect_timeout", 5.0),
            timeout=_seconds(given, "timeout", 10.0),
            tls=_tls(kind, given),
        )


_COMMON: Final = ("connect_timeout", "pool_size", "pool_timeout", "prefix", "timeout")
_TLS: Final = ("tls_ca", "tls_cert", "tls_check_host", "tls_key")
_KNOWN: Final = {
    Kind.SINGLE: _COMMON,
    Kind.SINGLE_TLS: (*_COMMON, *_TLS),
    Kind.CLUSTER: (*_COMMON, "tls", *_TLS),
    Kind.SENTINEL: (*_COMMON, "sentinel_password", "sentinel_username", "tls", *_TLS),
}
_FORMS: Final = {
    Kind.SINGLE: "redis://[user:password@]host[:port][/database]",
    Kind.SINGLE_TLS: "rediss://[user:password@]host[:port][/database]",
    Kind.CLUSTER: "redis+cluster://[user:password@]host[:port][,host[:port]]...",
    Kind.SENTINEL: "redis+sentinel://[user:password@]host[:port][,host[:port]].../service[/database]",
}


def _check_names(kind: Kind, given: Mapping[str, str]) -> None:
    known = _KNOWN[kind]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigurationError(
            "options",
            f"{kind.value} doesn't know {', '.join(unknown)}; it knows {', '.join(known)}",
        )


def _bad_url(kind: Kind, why: str) -> ConfigurationError:
    return ConfigurationError("url", f"{why}; write {_FORMS[kind]}")


def _addresses(kind: Kind, hosts: str) -> tuple[Address, ...]:
    parts = hosts.split(",") if kind in (Kind.CLUSTER, Kind.SENTINEL) else [hosts]
    found: list[Address] = []
    for part in parts:
        match = _HOST.fullmatch(part)
        if match is None:
            raise _bad_url(kind, "a host is missing, or isn't host or host:port")
        default = _SENTINEL_PORT if kind is Kind.SENTINEL else _PORT
        port = int(match["port"] or default)
        if not 0 < port < 1 << 16:
            raise _bad_url(kind, f"there is no port {port}")
        found.append((match["v6"] or match["name"], port))
    return tuple(found)


def _path(kind: Kind, path: str) -> tuple[str, int]:
    service = ""
    if kind is Kind.SENTINEL:
        service, _, path = path.partition("/")
        service = unquote(service)
        if not service:
            raise _bad_url(kind, "the name of the sentinels' service is missing")
    path = path.removesuffix("/")
    if path and not (path.isascii() and path.isdigit() and len(path) <= _DATABASE_DIGITS):
        raise _bad_url(kind, "the database must be a number")
    database = int(path or 0)
    if kind is Kind.CLUSTER and database:
        raise _bad_url(kind, "a cluster has the database 0 alone")
    return service, database


def _prefix(given: Mapping[str, str]) -> str:
    prefix = given.get("prefix", "adc")
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError("prefix", "must be 1 to 100 letters, digits and '_', '.' or '-'")
    return prefix


def _count(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        raise ConfigurationError(name, f"must be a number from 1 to {most:,}, not {text!r}")
    value = int(text)
    if not 1 <= value <= most:
        raise ConfigurationError(name, f"must be a number from 1 to {most:,}, not {text!r}")
    return value


def _seconds(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name, str(default))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST:
        raise ConfigurationError(
            name, f"must be seconds above 0, at most {_LONGEST:g}, not {text!r}"
        )
    return seconds


def _yes(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name, str(default)).lower()
    if text not in ("true", "false"):
        raise ConfigurationError(name, f"must be true or false, not {text!r}")
    return text == "true"


def _tls(kind: Kind, given: Mapping[str, str]) -> Tls | None:
    if kind is not Kind.SINGLE_TLS and not _yes(given, "tls", default=False):
        used = sorted(set(given) & set(_TLS))
        if used:
            raise ConfigurationError(used[0], "needs tls=true")
        return None
    if bool(given.get("tls_cert")) != bool(given.get("tls_key")):
        raise ConfigurationError("tls_cert", "goes together with tls_key")
    return Tls(
        ca=given.get("tls_ca") or None,
        cert=given.get("tls_cert") or None,
        key=given.get("tls_key") or None,
        check_host=_yes(given, "tls_check_host", default=True),
    )
