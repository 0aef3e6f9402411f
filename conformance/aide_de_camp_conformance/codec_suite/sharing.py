"""COD-2: one codec, several threads."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aide_de_camp_conformance.codec_suite.alike import alike
from aide_de_camp_conformance.codec_suite.kit import SAMPLE, CodecKit
from aide_de_camp_conformance.codec_suite.requirement import codec_requirement

_THREADS: Final = 4
_ROUNDS: Final = 50
_INSTANTLY: Final = 1e-6
"""Seconds that a thread runs before another may: as short as it goes."""


@codec_requirement("COD-2.threads", level=2)
def threads(kit: CodecKit) -> None:
    """Several threads may encode and decode with one codec at once: each gets its own."""
    what, (cls, _, ready) = next(iter(kit.orders().items()))
    start = threading.Barrier(_THREADS, timeout=30)

    def work(number: int) -> None:
        values = [cls(**{**SAMPLE, "number": number, "note": "x" * number * 40})] * 2
        bad = ready.encode(values[0])[:-1]
        start.wait()
        for _ in range(_ROUNDS):
            for value in values:
                alike(ready.decode(ready.encode(value)), value, f"{what} among threads")
            kit.refused(ready, bad, f"{what}, cut short, among threads")

    before = sys.getswitchinterval()
    sys.setswitchinterval(_INSTANTLY)
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            for done in [pool.submit(work, number + 1) for number in range(_THREADS)]:
                done.result()
    finally:
        sys.setswitchinterval(before)
