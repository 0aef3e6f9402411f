"""Bytes that nobody's encoder wrote."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Final

_MEBIBYTE: Final = 1024 * 1024

HOSTILE: Final[Mapping[str, bytes]] = {
    "nothing": b"",
    "a space": b" ",
    "a NUL": b"\x00",
    "invalid UTF-8": b'"\xff\xfe\x80\xc3\x28"',
    "a key twice": b'{"number":7,"number":8,"note":"a","note":"b"}',
    "a lone surrogate": b'{"number":7,"note":"\\ud800"}',
    "a surrogate in UTF-8": b'{"number":7,"note":"\xed\xa0\x80"}',
    "NaN": b'{"number":7,"note":"","price":NaN}',
    "an infinity": b'{"number":7,"note":"","price":1e999}',
    "a number of 5,000 digits": b'{"number":' + b"9" * 5_000 + b',"note":""}',
    "a number of 1 MiB": b"9" * _MEBIBYTE,
    "an exponent that is too large": b"1e" + b"9" * 30,
    "a byte order mark": b'\xef\xbb\xbf{"number":7,"note":""}',
    "UTF-16": '{"number":7,"note":""}'.encode("utf-16"),
    "two of them": b'{"number":7,"note":""}{"number":7,"note":""}',
    "an array that isn't closed": b"[" * 200_000,
    "objects in objects": b'{"number":' * 50_000,
    "arrays within": b'{"number":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "MessagePack arrays in arrays": b"\x91" * 200_000,
    "MessagePack maps in maps": b"\x81\xa1a" * 100_000,
    "an array that says 4 G items": b"\xdd\xff\xff\xff\xff",
    "a map that says 4 G items": b"\xdf\xff\xff\xff\xff",
    "text that says 4 GiB": b"\xdb\xff\xff\xff\xff",
    "bytes that say 4 GiB": b"\xc6\xff\xff\xff\xff",
    "an extension that says 4 GiB": b"\xc9\xff\xff\xff\xff\x01",
    "a timestamp beyond time": b"\xc7\x0c\xff" + b"\xff" * 12,
    "an unused byte": b"\xc1",
    "CBOR that says more than there is": b"\x9b" + b"\xff" * 8,
    "a length before text": b"\xff\xff\xff\x7f{}",
    "a length before text, the other way": b"\x7f\xff\xff\xff{}",
    "1 MiB of NULs": bytes(_MEBIBYTE),
    "1 MiB of ones": b"\xff" * _MEBIBYTE,
    "1 MiB of text": b'"' + b"a" * _MEBIBYTE,
    "every byte": bytes(range(256)) * 16,
    "an entity in XML": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    "an alias in YAML": b"a: &a [1]\nb: *a\n",
}
"""What may be decoded as a payload of its type, or is a DecodeError, and nothing else."""


_LENGTHS: Final = (b"\xff" * 4, bytes(4), b"\x0f\xff\xff\xff", b"\xff\xff\xff\x0f")
"""Lengths of fields, as forgers write them: 4 G, none, and 256 M either way round."""


def foreign(fields: Mapping[str, object]) -> Mapping[str, bytes]:
    """Write the fields of a record as other codecs would: none that is tested need be among them.

    Args:
        fields: a number, a note and a price, of these names.
    """
    number, note, price = (fields[name] for name in ("number", "note", "price"))
    return {
        "pickle": pickle.dumps(dict(fields)),
        "pickle as text": pickle.dumps(dict(fields), protocol=0),
        "YAML": f"number: {number}\nnote: {note}\nprice: {price}\n".encode(),
        "XML": f"<order><number>{number}</number><note>{note}</note></order>".encode(),
        "a form": f"number={number}&note={note}&price={price}".encode(),
        "a table": f"number,note,price\n{number},{note},{price}\n".encode(),
        "Python": repr(dict(fields)).encode(),
        "JSON Lines": f'{number}\n"{note}"\n{price}\n'.encode(),
        "JSON in Base64": b"eyJudW1iZXIiOjcsIm5vdGUiOiJ0byB0aGUgYmFjayBkb29yIn0=",
        "a record in an envelope": f'{{"v":1,"data":{{"number":{number}}}}}'.encode(),
        "MessagePack in an array": b"\x93\x07\xa1a\xcb\x40\x04\x00\x00\x00\x00\x00\x00",
    }


def damaged(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield bytes that a codec wrote with one thing done to them, each with what that was."""
    for at in range(len(data)):
        for bit in range(8):
            changed = bytes((data[at] ^ 1 << bit,))
            yield f"bit {bit} of byte {at} turned", data[:at] + changed + data[at + 1 :]
        yield f"byte {at} left out", data[:at] + data[at + 1 :]
        yield f"byte {at} given twice", data[: at + 1] + data[at:]
        for word in _LENGTHS:
            yield f"{word.hex()} written at byte {at}", data[:at] + word + data[at + 4 :]
    yield "the last byte first", data[-1:] + data[:-1]
    yield "the other way round", data[::-1]
    yield "a thousand times", data * 1_000
    yield "its first half ten thousand times", data[: len(data) // 2] * 10_000
