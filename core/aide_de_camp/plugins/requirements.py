"""What a distribution needs for one of its extras, read from its metadata."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")


def normalised(name: str) -> str:
    """Fold a distribution's or an extra's name to the spelling that compares equal."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements_of(distribution: metadata.Distribution, extra: str) -> list[str]:
    """Name the distributions that an extra brings, by their normalised names."""
    needed: list[str] = []
    for line in distribution.requires or ():
        name, marker = _REQUIREMENT.match(line), _EXTRA.search(line)
        if name and marker and normalised(marker["extra"]) == normalised(extra):
            needed.append(normalised(name["name"]))
    return needed


def missing_of(distribution: metadata.Distribution, extra: str) -> list[str]:
    """Name those of an extra's requirements that aren't installed, whatever their version."""
    return [name for name in requirements_of(distribution, extra) if not _is_installed(name)]


def extras_of(distribution: metadata.Distribution) -> list[str]:
    """Name the extras that a distribution offers."""
    return [str(extra) for extra in distribution.metadata.get_all("Provides-Extra") or ()]


def extra_for(distribution: metadata.Distribution, plugin: str, module: str) -> str | None:
    """Find the extra that brings a module: the one named like the plugin, or that requires it.

    Args:
        distribution: the plugin's own.
        plugin: the plugin's name.
        module: the module that wasn't found; its top level is compared.

    Returns:
        The extra's name, or None where no extra is known to help.
    """
    extras = extras_of(distribution)
    wanted = normalised(module.partition(".")[0])
    for extra in extras:
        if wanted in requirements_of(distribution, extra):
            return extra
    return next((extra for extra in extras if normalised(extra) == normalised(plugin)), None)


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
