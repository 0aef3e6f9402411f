"""The keys: the newest encrypts, all decrypt."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aide_de_camp.spi import ConfigurationError

VARIABLE: Final = "ADC_SEALED_KEYS"
KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_KEY_BYTES: Final = 32


@frozen
class KeyRing:
    """Keys by their ids; what is shown of it is the ids alone.

    Attributes:
        newest: the id of the key that encrypts.
        keys: every key by its id.
    """

    newest: str
    keys: Mapping[str, AESGCM] = field(repr=False)

    @classmethod
    def from_environment(cls) -> KeyRing:
        """Read the keys from ``ADC_SEALED_KEYS``.

        Raises:
            ConfigurationError: it isn't set, or can't be used; the message shows no key.
        """
        return cls.read(os.environ.get(VARIABLE, ""))

    @classmethod
    def read(cls, text: str) -> KeyRing:
        """Read keys written as ``id=base64``, separated by commas, the newest last.

        Raises:
            ConfigurationError: there is none, or one can't be used; the message shows no key.
        """
        keys: dict[str, AESGCM] = {}
        for number, each in enumerate(filter(None, map(str.strip, text.split(","))), 1):
            name, _, encoded = each.partition("=")
            if KEY_ID.fullmatch(name) is None or name in keys:
                raise ConfigurationError(
                    VARIABLE,
                    f"key {number} has no id of its own: write id=base64, the id of up to 32 "
                    "letters, digits, dots, dashes or underscores",
                )
            keys[name] = AESGCM(_key(number, encoded))
        if not keys:
            raise ConfigurationError(
                VARIABLE, "holds no key: set it to id=base64, with 32 random bytes in Base64"
            )
        return cls(newest=[*keys][-1], keys=keys)


def _key(number: int, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        # By its number: what stands where its id should may be the key itself.
        raise ConfigurationError(VARIABLE, f"key {number} isn't id=base64, of 32 bytes")
    return key
