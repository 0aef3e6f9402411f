"""A storage and a codec that end or hang the process that uses them, as an installed plugin.

``wild-exits://`` and its kin are memory but for cancelling a job; the codec ``exits`` and its kin
are JSON but for decoding, and ``binds`` ends the process where it is bound to a mapping.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from aide_de_camp.spi import CodecDescriptor, Scratch, StorageDescriptor, hookimpl
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_codecs.json.codec import JsonCodec
from aide_de_camp_conformance import Harness
from aide_de_camp_conformance.codec import CodecHarness


def exits() -> None:
    os._exit(3)


def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def loops() -> None:
    while True:
        pass


def sleeps() -> None:
    time.sleep(1_000_000)


def leaves() -> None:
    raise SystemExit(3)


MISDEEDS = {each.__name__: each for each in (exits, crashes, loops, sleeps, leaves)}


async def swallows() -> None:
    """Don't let oneself be cancelled."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)


class WildStorage(MemoryStorage):
    def __init__(self, misdeed: str) -> None:
        super().__init__(World())
        self._misdeed = misdeed

    async def open(self) -> None:
        if self._misdeed == "opens":
            os._exit(3)

    async def cancel(self, *given: Any, **named: Any) -> Any:
        if self._misdeed == "swallows":
            await swallows()
        MISDEEDS[self._misdeed]()


class WildHarness(Harness):
    """Gives it without a URL."""

    misdeed = "swallows"

    def opener(self, namespace: str) -> Any:
        return lambda: WildStorage(self.misdeed)


@frozen
class Connect:
    misdeed: str

    def __call__(self, url: str, options: Any) -> Any:
        return lambda: WildStorage(self.misdeed)


def scratch_url(url: str, name: str) -> str:
    return f"{url}{name}"


def note(path: Path, url: str) -> None:
    with path.open("a") as file:
        file.write(f"{url}\n")


async def remove(url: str) -> None:
    """Note it, where a test wants to know."""
    if "ADC_TEST_REMOVED" in os.environ:
        note(Path(os.environ["ADC_TEST_REMOVED"]), url)


@hookimpl
def adc_storages() -> list[StorageDescriptor]:
    return [
        StorageDescriptor(
            f"wild-{misdeed}", (0, 1), Connect(misdeed), scratch=Scratch(scratch_url, remove)
        )
        for misdeed in (*MISDEEDS, "swallows", "opens")
    ]


class WildCodec(JsonCodec):
    def __init__(self, misdeed: str) -> None:
        self.misdeed = misdeed

    @property
    def name(self) -> str:
        return f"wild-{self.misdeed}"

    def bind(self, payload_type: Any) -> Any:
        if self.misdeed == "binds":
            if payload_type == dict[str, int]:
                os._exit(3)
            return super().bind(payload_type)
        return WildBound(super().bind(payload_type), self.misdeed)


@frozen
class WildBound:
    inner: Any
    misdeed: str

    def encode(self, payload: Any) -> bytes:
        return self.inner.encode(payload)  # type: ignore[no-any-return]

    def decode(self, _data: bytes) -> Any:
        MISDEEDS[self.misdeed]()


@frozen
class Make:
    misdeed: str

    def __call__(self) -> WildCodec:
        return WildCodec(self.misdeed)


def described(misdeed: str) -> CodecDescriptor:
    return CodecDescriptor(f"wild-{misdeed}", (0, 1), Make(misdeed))


@hookimpl
def adc_codecs() -> list[CodecDescriptor]:
    return [described(misdeed) for misdeed in (*MISDEEDS, "binds")]


class WildCodecHarness(CodecHarness):
    misdeed = "loops"

    def descriptor(self) -> CodecDescriptor:
        return described(self.misdeed)


def announce(folder: Path) -> None:
    """Install the plugin into a folder, as far as entry points go."""
    info = folder / "adc_wild-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adc-wild\nVersion: 0\n")
    points = "[aide_de_camp.backends]\n"
    points += "".join(f"wild-{each} = {__name__}\n" for each in (*MISDEEDS, "swallows", "opens"))
    points += "[aide_de_camp.codecs]\n"
    points += "".join(f"wild-{each} = {__name__}\n" for each in (*MISDEEDS, "binds"))
    (info / "entry_points.txt").write_text(points)
