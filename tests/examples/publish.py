"""``python -m tests.examples.publish``: write the reports that the two examples publish."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from aide_de_camp_conformance.forming import published, read, text_of

from ..servers.mariadb import MariadbServer

EXAMPLES = Path(__file__).parents[2] / "examples"
BACKEND = EXAMPLES / "third_party_backend"
CODEC = EXAMPLES / "third_party_codec"
KEYS = {"ADC_SEALED_KEYS": "test=" + "A" * 43 + "="}


def main() -> None:
    """Install the examples into a folder, and have the kit's commands judge them there."""
    with tempfile.TemporaryDirectory() as folder, MariadbServer() as server:
        for example in (BACKEND, CODEC):
            _unpack(example, Path(folder))
        report = BACKEND / "conformance.json"
        url = f"{server.create_database()}?prefix={{namespace}}_"
        _adc(folder, "run", url, "--jobs", "2", "--json", str(report))
        report.write_text(text_of(published(read(report))))
        refuses = ("--refuses", "dict by tuple")
        _adc(folder, "codec", "sealed", *refuses, "--json", str(CODEC / "conformance.json"))


def _unpack(example: Path, site: Path) -> None:
    with tempfile.TemporaryDirectory() as dist:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", dist]
        subprocess.run([*command, str(example)], check=True, capture_output=True)
        (wheel,) = Path(dist).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


def _adc(site: str, *words: str) -> None:
    places = [site, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **KEYS, "PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-m", "aide_de_camp", "conformance", *words]
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
