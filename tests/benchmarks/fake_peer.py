"""A contestant for tests: each job is a file in a folder, claimed by renaming it."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import protocol
import tally

FOLDER = Path(protocol.URL)
FAULT = os.environ.get("FAKE_FAULT", "")


def left() -> list[Path]:
    return [path for path in FOLDER.iterdir() if path.suffix in (".job", ".taken")]


class FakePeer(protocol.Peer):
    async def open(self) -> None:
        self.count = 0

    async def prepare(self) -> None:
        FOLDER.mkdir(exist_ok=True)  # noqa: ASYNC240 (nothing else runs)
        print("what a project prints goes to stderr, and isn't taken for an answer")

    async def schedule(self, job: protocol.Payload) -> None:
        if FAULT == "schedule":
            raise RuntimeError("the store is gone")
        if FAULT == "exit":
            print("so long", file=sys.stderr)
            os._exit(3)
        path = FOLDER / f"{self.count:08}.new"
        path.write_text(json.dumps(job))
        path.rename(path.with_suffix(".job"))
        self.count += 1

    async def pending(self) -> int:
        return len(left())

    def worker(self) -> list[str]:
        return protocol.python(__file__, "worker")


def work() -> None:
    if FAULT == "worker":
        sys.exit("this worker can't start")
    while True:
        for path in sorted(FOLDER.glob("*.job")):
            taken = path.with_suffix(".taken")
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another worker's
            for _ in range(2 if FAULT == "twice" else 1):
                tally.done(json.loads(taken.read_text()))
            taken.unlink()
        time.sleep(0.002)


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        work()
    else:
        protocol.main(FakePeer())
