"""What import-linter's contracts can't say: the SPI stands on nothing else of the core."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

SPI = Path(__file__).parents[2] / "core" / "aide_de_camp" / "spi"
LIBRARIES = {"attrs", "pluggy"}


def imported(path: Path) -> set[str]:
    """The absolute modules that a file imports; a relative import counts as ``.``."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "" if node.level == 0 else ".")
    return found


@pytest.mark.parametrize("path", sorted(SPI.glob("*.py")), ids=lambda path: str(path.name))
def test_the_spi_imports_only_itself(path: Path) -> None:
    for name in imported(path):
        top = name.partition(".")[0]
        allowed = top in sys.stdlib_module_names or top in LIBRARIES
        assert allowed or name.startswith("aide_de_camp.spi"), name
