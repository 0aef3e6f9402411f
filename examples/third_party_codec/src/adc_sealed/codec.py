"""The codec: another codec's bytes, encrypted and authenticated by AES-GCM."""

from __future__ import annotations

import os
from typing import Any, Final

from cryptography.exceptions import InvalidTag

from adc_sealed.keys import KEY_ID, KeyRing
from aide_de_camp.spi import BoundCodec, Codec, DecodeError

NAME: Final = "sealed"
_VERSION: Final = 1
_NONCE: Final = 12
_START: Final = 2


class SealedCodec:
    """The codec `sealed`.

    Args:
        inner: writes and reads the payloads.
        ring: the keys.
    """

    def __init__(self, inner: Codec, ring: KeyRing) -> None:
        self._inner = inner
        self._ring = ring

    @property
    def name(self) -> str:
        """``sealed``."""
        return NAME

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for one payload type.

        Raises:
            UnsupportedPayload: the inner codec can't carry it.
        """
        return _Bound(self._inner.bind(payload_type), self._ring)


class _Bound:
    def __init__(self, inner: BoundCodec[Any], ring: KeyRing) -> None:
        self._inner = inner
        self._ring = ring

    def encode(self, payload: Any) -> bytes:
        """Encode, and encrypt with the newest key."""
        name = self._ring.newest.encode("ascii")
        header = bytes((_VERSION, len(name))) + name
        nonce = os.urandom(_NONCE)
        plain = self._inner.encode(payload)
        return (
            header
            + nonce
            + self._ring.keys[self._ring.newest].encrypt(nonce, plain, _bound_to(header))
        )

    def decode(self, data: bytes) -> Any:
        """Decrypt with the key that the bytes name, and decode."""
        return self._inner.decode(self._opened(data))

    def _opened(self, data: bytes) -> bytes:
        if len(data) < _START or data[0] != _VERSION:
            raise DecodeError("the bytes weren't written by this version of the codec `sealed`")
        end = _START + data[1]
        # Latin-1 takes all bytes; what no key's id could be isn't shown.
        name = data[_START:end].decode("latin-1")
        if KEY_ID.fullmatch(name) is None or len(name) != data[1]:
            raise DecodeError("the bytes name no key: they were cut or changed", offset=_START)
        key = self._ring.keys.get(name)
        if key is None:
            raise DecodeError(
                f"they are encrypted with key {name!r}, which isn't here: give it back to "
                "ADC_SEALED_KEYS, restart, and requeue the job"
            )
        nonce, sealed = data[end : end + _NONCE], data[end + _NONCE :]
        try:
            return key.decrypt(nonce, sealed, _bound_to(data[:end]))
        except (InvalidTag, ValueError):
            # Raised below, so that nothing of the library's own stands in a traceback.
            pass
        raise DecodeError(
            f"they can't be decrypted with key {name!r}: they were cut or changed, or another "
            "key had this id"
        )


def _bound_to(header: bytes) -> bytes:
    return NAME.encode("ascii") + b"\x00" + header
