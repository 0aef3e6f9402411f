"""A new backend's distribution: importable and installable at once, with every verb to be written.

``create("adc-shelf", Path("."))``, or ``python -m aide_de_camp_conformance.scaffold adc-shelf``.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final

from aide_de_camp.spi import SPI_VERSION, ConfigurationError
from aide_de_camp_conformance.scaffold.taken import refuse_taken

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9]*(?:[+.-][a-z0-9]+)*")
_PREFIX: Final = "adc-"
_FILES: Final = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "package.py": "{package}/__init__.py",
    "plugin.py": "{package}/plugin.py",
    "storage.py": "{package}/storage.py",
    "unwritten.py": "{package}/unwritten.py",
    "test_conformance.py": "tests/test_conformance.py",
}


def create(name: str, folder: Path, scheme: str | None = None) -> Path:
    """Write a new distribution.

    Args:
        name: the distribution's name, such as ``adc-shelf``; its package is ``adc_shelf``.
        folder: where the distribution's own folder, named so too, is made.
        scheme: the scheme of its URLs; None makes it of the name, an ``adc-`` before it left out.

    Returns:
        The distribution's folder.

    Raises:
        ConfigurationError: a name can't be used or is taken by what is installed, or the folder
            is there and holds something. Nothing was written.
    """
    package = name.replace("-", "_").lower()
    chosen = _scheme(name, scheme)
    _check_name(name)
    refuse_taken(name, package, chosen)
    place = folder / name
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ConfigurationError("folder", f"{place} is there already: choose another name")
    words = {
        "name": name,
        "package": package,
        "scheme": chosen,
        "cls": "".join(part.capitalize() for part in re.split(r"[+.-]", chosen)),
        "spi": repr(SPI_VERSION),
    }
    templates = files(__name__).joinpath("templates")
    for template, path in _FILES.items():
        text = templates.joinpath(f"{template}.tmpl").read_text("utf-8")
        file = place / path.format(package=package)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(text).substitute(words), "utf-8")
    (place / package / "py.typed").touch()
    return place


def _scheme(name: str, scheme: str | None) -> str:
    chosen = scheme or name.lower().removeprefix(_PREFIX).replace("_", "-")
    if not _SCHEME.fullmatch(chosen):
        raise ConfigurationError(
            "scheme", f"must be like 'shelf' or 'shelf+file', in small letters, not {chosen!r}"
        )
    return chosen


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError("name", f"must be like 'adc-shelf', not {name!r}")
