"""Strangers' distributions, made on the fly: a module and its metadata on ``sys.path``."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from aide_de_camp.plugins import Registry

HEAD = """
from aide_de_camp.spi import *
from aide_de_camp.spi import SPI_VERSION, hookimpl
"""


class Distribute(Protocol):
    def __call__(
        self,
        name: str,
        module: str,
        source: str,
        entries: Mapping[str, Sequence[str]],
        *,
        version: str = "1.0",
        metadata: Sequence[str] = (),
    ) -> None: ...


def opened(registry: Registry, url: str, options: Mapping[str, str] | None = None) -> object:
    """What the backend's opener makes: in these tests some stand-in for a storage."""
    return registry.storage(url, options)()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on ``sys.path``; what was imported from it is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("ADC_DISABLE_PLUGINS", raising=False)
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def distribute(site: Path) -> Distribute:
    """Install a distribution: ``entries`` maps 'backends', 'codecs', 'extensions' to names."""

    def install(
        name: str,
        module: str,
        source: str,
        entries: Mapping[str, Sequence[str]],
        *,
        version: str = "1.0",
        metadata: Sequence[str] = (),
    ) -> None:
        (site / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        text = ""
        for group, names in entries.items():
            text += f"[aide_de_camp.{group}]\n"
            text += "".join(f"{entry} = {module}\n" for entry in names)
        (info / "entry_points.txt").write_text(text)

    return install
