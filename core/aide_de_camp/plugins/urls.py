"""All that the core reads of a storage URL, and how a URL may be shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from aide_de_camp.checks import checked_string
from aide_de_camp.spi import ConfigurationError

HIDDEN: Final = "***"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_USERINFO = re.compile(r"//[^/\s]*@")
_SECRET_KEY = re.compile(r"pass|pwd|secret|token|key|auth|cred|sign", re.IGNORECASE)
_SHORTEST_SECRET = 3


def scheme_of(url: str) -> str:
    """Read the scheme of a URL, in lower case; the rest is the backend's to read.

    Raises:
        InvalidArgument: it isn't a string.
        ConfigurationError: there is none. The message doesn't show the URL, since what was
            mistyped may well be a password.
    """
    found = _SCHEME.match(checked_string("url", url))
    if found is None:
        raise ConfigurationError(
            "url",
            "it doesn't begin with a scheme; write 'memory://' or 'sqlite:///path/to/file.db'",
        )
    return found[1].lower()


def redact_url(url: str) -> str:
    """Show a URL without its secrets.

    Hidden are user and password, and the values of options that sound like a secret. Where it is
    unclear where a password ends (it holds an unescaped ``/``, ``?``, ``#`` or ``@``), too much
    is hidden rather than too little.

    Raises:
        InvalidArgument: it isn't a string.
    """
    head, mark, rest = checked_string("url", url).partition("://")
    if not mark:
        return HIDDEN if "@" in url else _redact_options(url)
    if rest and rest[0] not in "/?#" and "@" in rest:
        rest = f"{HIDDEN}@{rest.rpartition('@')[2]}"
    return f"{head}://{_redact_options(rest)}"


def scrub(text: str, url: str) -> str:
    """Take a URL's secrets out of a text that somebody else wrote."""
    text = text.replace(url, redact_url(url))
    for secret in _secrets_of(url):
        text = text.replace(secret, HIDDEN)
    return text


def _redact_options(rest: str) -> str:
    path, mark, query = rest.partition("?")
    if not mark:
        return rest
    parts = re.split(r"([&;#])", query)
    return path + mark + "".join(_redact_option(part) for part in parts)


def _redact_option(part: str) -> str:
    key, mark, value = part.partition("=")
    if mark and value and _SECRET_KEY.search(unquote(key)):
        return f"{key}={HIDDEN}"
    return _USERINFO.sub(f"//{HIDDEN}@", part)


def _secrets_of(url: str) -> list[str]:
    """Find the hidden parts of a URL, as written and unquoted, the longest first."""
    rest = url.partition("://")[2]
    found: set[str] = set()
    if rest and rest[0] not in "/?#" and "@" in rest:
        userinfo = rest.rpartition("@")[0]
        found |= {userinfo, userinfo.partition(":")[2]}
    for part in re.split(r"[&;#]", rest.partition("?")[2]):
        key, _, value = part.partition("=")
        if _SECRET_KEY.search(unquote(key)):
            found.add(value)
    found |= {unquote(secret) for secret in found}
    # Shorter ones would blot out half of every message, and are no secrets to speak of.
    return sorted((s for s in found if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)
