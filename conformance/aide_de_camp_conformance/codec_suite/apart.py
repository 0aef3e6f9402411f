"""DEC-7, COD-4, COD-5: what is looked at in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from aide_de_camp_conformance.codec_suite.alike import alike, told
from aide_de_camp_conformance.codec_suite.finding import whereabouts
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.plants import PLANT
from aide_de_camp_conformance.codec_suite.requirement import NotAsked, codec_requirement
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.requirement import HEAVY_TIME_LIMIT

MOST_BYTES: Final = 192 * 1024 * 1024
"""By which decoding 1 MiB may let a process grow."""
CPU_SECONDS: Final = 60
"""Of processor time for all hostile bytes together: far more than it takes, on any machine."""
PATIENCE: Final = HEAVY_TIME_LIMIT
"""Real seconds after which the other process is killed: no measure of anything."""


def _ask(kit: CodecKit, task: str, **more: Any) -> dict[str, Any]:
    """Have another process do something with the codec."""
    path = [each or str(Path.cwd()) for each in sys.path]
    asked = {**whereabouts(kit.harness), "task": task, "path": path, **more}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "aide_de_camp_conformance.codec_suite.child"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "7"},
        )
    except subprocess.TimeoutExpired:
        raise AssertionError(
            f"the process that was to do {task!r} took more than {PATIENCE:g} s, and was killed"
        ) from None
    assert done.returncode == 0, (
        f"the process that was to do {task!r} ended with {done.returncode}: {done.stderr[-2000:]}"
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    if "not asked" in answer:
        raise NotAsked(answer["not asked"])
    return answer


@codec_requirement("DEC-7.processes", level=2, heavy=True)
def processes(kit: CodecKit) -> None:
    """What a codec wrote in one process is read in another, and the other way round."""
    orders = kit.orders()
    written = {what: ready.encode(value).hex() for what, (_, value, ready) in orders.items()}
    answer = _ask(kit, "trip", written=written)
    for what, (_, value, ready) in orders.items():
        same(answer["read"][what], repr(told(value)), f"a {what} that another process read")
        back = ready.decode(bytes.fromhex(answer["written"][what]))
        alike(back, value, f"a {what} that another process wrote")


@codec_requirement("COD-4.inert", heavy=True)
def inert(kit: CodecKit) -> None:
    """Where its descriptor says data only, decoding runs, imports and opens nothing."""
    if not kit.descriptor.data_only:
        raise NotAsked("the codec doesn't say that it decodes data only")
    with tempfile.TemporaryDirectory(prefix="adc-plants-") as folder:
        for name in ("adc_plant_0", "adc_plant_1"):
            (Path(folder) / f"{name}.py").write_text(PLANT)
            (Path(folder) / f"{name}_bomb.py").write_text(PLANT)
        found = _ask(kit, "inert", folder=folder)["found"]
    assert not found, f"decoding did more than decode: {dict(list(found.items())[:3])}"


@codec_requirement("COD-5.bounded", heavy=True)
def bounded(kit: CodecKit) -> None:
    """Bytes up to 1 MiB that lie about their size cost neither memory nor time to speak of."""
    answer = _ask(kit, "bounded", cpu_seconds=CPU_SECONDS)
    assert answer["grown"] <= MOST_BYTES, f"{answer['by']} took {answer['grown']:,} bytes"
