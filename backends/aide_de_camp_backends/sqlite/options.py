"""What a URL and its options say: the file, and how to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from attrs import frozen

from aide_de_camp.spi import ConfigurationError

_SCHEME = "sqlite://"
_OPTIONS = ("busy_timeout", "migrate", "synchronous")
_BUSY_TIMEOUT_MAX = 3_600.0


@frozen
class Options:
    """How to use one file.

    Attributes:
        path: the file, absolute.
        full: True for ``synchronous=FULL``: what was acknowledged survives a loss of power.
        busy_timeout: how long a call waits for the write lock, in seconds.
        migrate: whether ``open`` may create and upgrade the tables.
    """

    path: Path
    full: bool = True
    busy_timeout: float = 10.0
    migrate: bool = True

    @classmethod
    def parse(cls, url: str, options: Mapping[str, str]) -> Options:
        """Read a URL and options; nothing is opened or created.

        Raises:
            ConfigurationError: the URL names no file, or an option is unknown or has a bad value.
        """
        address, _, query = url.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True)) | dict(options)
        unknown = sorted(set(given) - set(_OPTIONS))
        if unknown:
            raise ConfigurationError(
                "options",
                f"sqlite doesn't know {', '.join(unknown)}; it knows {', '.join(_OPTIONS)}",
            )
        synchronous = _choice(given, "synchronous", "full", {"full": True, "normal": False})
        migrate = _choice(given, "migrate", "true", {"true": True, "false": False})
        return cls(_path(address), synchronous, _seconds(given), migrate)


def _path(address: str) -> Path:
    if not address.startswith(f"{_SCHEME}/"):
        raise ConfigurationError(
            "url",
            "write sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four), "
            f"not {address!r}",
        )
    name = address.removeprefix(f"{_SCHEME}/")
    if name in ("", ":memory:") or name.startswith("file:"):
        raise ConfigurationError(
            "url",
            f"{address!r} doesn't name a file that several connections share: use memory:// for "
            "jobs in memory, or sqlite:///jobs.db for a file",
        )
    if "\0" in name:
        raise ConfigurationError("url", "a file's name holds no NUL character")
    # Made absolute now, so that a later change of directory doesn't lead to another file.
    path = Path.cwd() / name
    if path.is_dir():
        raise ConfigurationError("url", f"{path} is a directory: name a file in it")
    if not path.parent.is_dir():
        raise ConfigurationError("url", f"the directory {path.parent} doesn't exist: create it")
    return path


def _choice(given: Mapping[str, str], name: str, default: str, values: dict[str, bool]) -> bool:
    value = given.get(name, default).lower()
    if value not in values:
        raise ConfigurationError(name, f"must be {' or '.join(values)}, not {value!r}")
    return values[value]


def _seconds(given: Mapping[str, str]) -> float:
    text = given.get("busy_timeout", "10")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _BUSY_TIMEOUT_MAX:
        raise ConfigurationError(
            "busy_timeout", f"must be seconds from 0 to {_BUSY_TIMEOUT_MAX:g}, not {text!r}"
        )
    return seconds
