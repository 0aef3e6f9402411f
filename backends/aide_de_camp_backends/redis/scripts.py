"""The Lua scripts: each is put together from files beside, and named by its digest."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

from attrs import field, frozen

_FOLDER: Final = files("aide_de_camp_backends.redis") / "lua"


@frozen
class Script:
    """One script, as the server runs it.

    Attributes:
        name: the verb.
        text: the whole source, the line that gives its flags included.
        digest: by which a server that has it knows it.
        writes: whether it may change anything.
    """

    name: str
    text: bytes = field(repr=False)
    digest: str
    writes: bool


def _script(*parts: str, flags: str) -> Script:
    sources = ["prelude", *parts]
    body = "\n".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in sources)
    text = f"#!lua{flags and f' flags={flags}'}\n{body}".encode()
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    return Script(parts[-1], text, digest, writes="no-writes" not in flags)


# Without flags a script is refused as a whole when memory is full. What ends, moves or removes
# jobs may still run then: it is what makes room.
ENQUEUE: Final = _script("enqueue", flags="")
CLAIM: Final = _script("walk", "claim", flags="allow-oom")
EXTEND: Final = _script("extend", flags="allow-oom")
SETTLE: Final = _script("settle", flags="allow-oom")
CANCEL: Final = _script("cancel", flags="allow-oom")
REQUEUE: Final = _script("requeue", flags="allow-oom")
DELETE: Final = _script("remove", "delete", flags="allow-oom")
REAP: Final = _script("reap", flags="allow-oom")
PRUNE: Final = _script("remove", "prune", flags="allow-oom")
HOLD: Final = _script("read", "hold", flags="allow-oom")
IMPORT: Final = _script("import", flags="")
UNHOLD: Final = _script("unhold", flags="allow-oom")
DISCARD: Final = _script("remove", "discard", flags="allow-oom")
GET: Final = _script("read", "get", flags="no-writes")
LIST: Final = _script("filter", "list", flags="no-writes")
REASONS: Final = _script("filter", "reasons", flags="no-writes")
