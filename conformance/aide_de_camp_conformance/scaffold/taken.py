"""Which names a new backend can't have here, since something that is installed has them."""

from __future__ import annotations

import keyword
import sys
from importlib import metadata
from importlib.util import find_spec
from typing import Final

from aide_de_camp.spi import ConfigurationError

_GROUP: Final = "aide_de_camp.backends"


def refuse_taken(name: str, package: str, scheme: str) -> None:
    """Refuse names that would hide what is there, or be hidden by it.

    Args:
        name: the new distribution's.
        package: its package's.
        scheme: of its URLs.

    Raises:
        ConfigurationError: one of the three is taken; the message says by what.
    """
    reserved = keyword.iskeyword(package) or package in sys.stdlib_module_names
    if reserved or package.startswith("aide_de_camp"):
        raise ConfigurationError("name", f"the package's name {package!r} is taken: choose another")
    if (version := _installed(name)) is not None:
        raise ConfigurationError(
            "name", f"{name!r} is installed here already, in version {version}: choose another"
        )
    if (owner := _owner_of(package)) is not None:
        raise ConfigurationError(
            "name",
            f"the package's name {package!r} is taken: {owner} is importable here: choose another",
        )
    for point in metadata.entry_points(group=_GROUP):
        if point.name.lower() == scheme:
            owner = "another backend" if point.dist is None else point.dist.name
            raise ConfigurationError(
                "scheme", f"{scheme}:// is taken, by {owner}, which is installed: give another"
            )


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _owner_of(package: str) -> str | None:
    """Say what would be imported by that name."""
    owners = metadata.packages_distributions().get(package)
    if owners:
        return f"that of the distribution {owners[0]!r}"
    try:
        spec = find_spec(package)
    except ValueError:
        # It is in use, and nobody knows where it came from.
        return "a module of that name"
    # A folder without code counts as a module without an origin; it is in nobody's way.
    return None if spec is None or spec.origin is None else spec.origin
