"""``python -m aide_de_camp_conformance.codec_suite.child``: what another process does for the kit.

It reads what to do as JSON from its standard input, and writes what came of it to its output.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from aide_de_camp_conformance.codec_suite.alike import told
from aide_de_camp_conformance.codec_suite.finding import found
from aide_de_camp_conformance.codec_suite.hostile import HOSTILE, damaged
from aide_de_camp_conformance.codec_suite.kit import SAMPLE, CodecKit
from aide_de_camp_conformance.codec_suite.plants import mappings, raw, texts
from aide_de_camp_conformance.codec_suite.records import REQUIRED
from aide_de_camp_conformance.codec_suite.requirement import NotAsked

_WATCHED: Final = (
    "builtins.",
    "code.",
    "compile",
    "ctypes.",
    "exec",
    "import",
    "marshal.",
    "open",
    "os.",
    "pickle.",
    "shutil.",
    "socket.",
    "subprocess.",
    "tempfile.",
    "urllib.",
)
"""What an audit hook hears of, and decoding a payload has nothing to do with."""


# --- what one process wrote, another reads --------------------------------------------------------


def trip(kit: CodecKit, asked: dict[str, Any]) -> dict[str, Any]:
    """Decode what the other process wrote, and encode the same for it."""
    orders = kit.orders()
    return {
        "read": {
            what: repr(told(orders[what][2].decode(bytes.fromhex(data))))
            for what, data in asked["written"].items()
        },
        "written": {what: ready.encode(value).hex() for what, (_, value, ready) in orders.items()},
    }


# --- code that bytes name ------------------------------------------------------------------------


class _Watch:
    """Hears what happens while it is armed; it can't be taken off again, so this is a child."""

    def __init__(self) -> None:
        self.armed = False
        self.heard: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.armed and event.startswith(_WATCHED):
            self.heard.append(f"{event} {arguments[:1]!r:.80}")

    def over(self, work: Callable[[], Any]) -> list[str]:
        """Watch over some work, and give what was heard; whatever it raises is nothing here."""
        self.heard = []
        builtins.adc_fired = 0  # type: ignore[attr-defined] # where planted code leaves its mark
        self.armed = True
        try:
            work()
        except Exception:  # noqa: BLE001, S110 (what it raises is asked by other requirements)
            pass
        finally:
            self.armed = False
        fired = builtins.adc_fired  # type: ignore[attr-defined] # as above
        return [*self.heard, *(["the planted code was run"] if fired else [])]


def inert(kit: CodecKit, asked: dict[str, Any]) -> dict[str, Any]:
    """Decode what names code, and tell what happened meanwhile."""
    watch = _Watch()
    sys.path.insert(0, asked["folder"])
    # At first for what is imported late, and that is the codec's own; then it counts.
    for _, decode in _planted(kit, "adc_plant_0"):
        watch.over(decode)
    heard_of = {
        what: heard for what, work in _planted(kit, "adc_plant_1") if (heard := watch.over(work))
    }
    return {"found": heard_of}


def _planted(kit: CodecKit, module: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    for what, (_, ready) in kit.taken.items():
        for name, data in raw(module):
            yield f"{name} as {what}", partial(ready.decode, data)
        for mapping in mappings(module):
            data = json.dumps(mapping).encode()
            yield (
                f"{next(iter(mapping))} as {what}",
                partial(ready.decode, data),
            )
    for name, ready, payload in _payloads(kit, module):
        try:
            data = ready.encode(payload)
        except Exception:  # noqa: BLE001, S112 (it refuses to write it: that is as good)
            continue
        yield f"{name}, as it writes it", partial(ready.decode, data)


def _payloads(kit: CodecKit, module: str) -> Iterator[tuple[str, Any, Any]]:
    bomb = f"{module}_bomb"
    explosive = importlib.import_module(bomb)
    builtins.adc_fired = 0  # type: ignore[attr-defined] # importing it has left its mark
    held = explosive.Bomb.__new__(explosive.Bomb)
    held.armed = True
    for name, form in (("text", str), ("whatever there is", Any), ("a mapping", dict[str, Any])):
        ready = kit.bound(form)
        if ready is None:
            continue
        for text in texts(module):
            yield name, ready, text if name == "text" else {"a": text, text: 1}
        for mapping in mappings(module) if name != "text" else ():
            yield name, ready, mapping
        yield name, ready, held if name != "a mapping" else {"a": held}
    for what, make in kit.makers.items():
        cls = make("Order", {"note": (str, REQUIRED), "odd": (Any, REQUIRED)})
        ready = kit.bound(cls)
        if ready is not None:
            for text in texts(module):
                yield what, ready, cls(note=text, odd=text)
            yield what, ready, cls(note="", odd=held)


# --- sizes that lie ------------------------------------------------------------------------------


def bounded(kit: CodecKit, asked: dict[str, Any]) -> dict[str, Any]:
    """Decode what claims to be large, and tell by how many bytes this process grew."""
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_seconds"], asked["cpu_seconds"] + 5))
    makers = kit.makers.items()
    orders = {
        what: make("Order", {"note": (str, "")}) for what, make in makers if what in kit.taken
    }
    samples = [(kit.codec.bind(cls), cls(note=SAMPLE["note"])) for cls in orders.values()]
    worst: tuple[int, str] = (0, "")
    before = _peak()
    for _, ready in kit.taken.values():
        for name, data in HOSTILE.items():
            worst = max(worst, _grown(ready, data, name, before))
    for ready, value in samples:
        for name, data in damaged(ready.encode(value)):
            worst = max(worst, _grown(ready, data, name, before))
    return {"grown": worst[0], "by": worst[1]}


def _grown(ready: Any, data: bytes, name: str, before: int) -> tuple[int, str]:
    try:
        ready.decode(data)
    except MemoryError:
        return sys.maxsize, f"{name}: MemoryError"
    except Exception:  # noqa: BLE001, S110 (what it raises is asked by other requirements)
        pass
    return _peak() - before, name


def _peak() -> int:
    """Give the most bytes that this process had: of addresses, where the system tells of them."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        # Kilobytes everywhere but on macOS, where there are more of them, so it is safe.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (each for each in status.splitlines() if each.startswith("VmPeak:"))
    return int(line.split()[1]) * 1024


_TASKS: Final = {"trip": trip, "inert": inert, "bounded": bounded}


def main() -> None:
    """Do what is asked for."""
    asked = json.load(sys.stdin)
    sys.path[:] = asked["path"]
    # What the codec, or the module of its harness, prints is no part of the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            answer = _TASKS[asked["task"]](CodecKit(found(asked)), asked)
        except NotAsked as error:
            answer = {"not asked": str(error)}
        json.dump(answer, out)


if __name__ == "__main__":
    main()
