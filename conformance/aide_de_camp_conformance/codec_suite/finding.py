"""How another process finds the class of a harness, also one that stands in a script."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import operator
import sys
from pathlib import Path
from typing import Any, Final

from aide_de_camp_conformance.codec_harness import CodecHarness

_MAIN: Final = "__main__"
_SCRIPT: Final = "__mp_main__"
"""What a script is called where it is imported, as in multiprocessing: so its ``if __name__ ==
"__main__":`` is passed over."""
_loading: list[str] = []
"""The module that is being imported for the sake of a harness that stands in it."""


def whereabouts(harness: CodecHarness) -> dict[str, Any]:
    """Say where a harness's class stands, as JSON can carry it.

    Raises:
        AssertionError: no other process can find it.
    """
    cls = type(harness)
    assert "<locals>" not in cls.__qualname__, (
        f"{cls.__qualname__} can't be found by another process: write the harness at the top level "
        "of its module"
    )
    module, file = cls.__module__, _file_of(cls)
    if module == _MAIN:
        spec = sys.modules[_MAIN].__spec__
        # By ``python -m`` it has a name of its own, too.
        module = _SCRIPT if spec is None else spec.name
    assert module != _SCRIPT or (file and Path(file).is_file()), (
        f"{cls.__qualname__} can't be found by another process: write the harness into a file"
    )
    return {
        "module": module,
        "name": cls.__qualname__,
        "arguments": harness.arguments(),
        "file": file and str(Path(file).absolute()),
    }


def found(where: dict[str, Any]) -> CodecHarness:
    """Make the harness of which another process has said where it stands."""
    _loading.append(where["module"])
    try:
        module = _imported(where["module"], where["file"])
    finally:
        _loading.pop()
    made: CodecHarness = operator.attrgetter(where["name"])(module)(*where["arguments"])
    return made


def refuse_while_loading() -> None:
    """Keep a script from running the kit where it is imported for its harness alone.

    Raises:
        RuntimeError: it does that.
    """
    if _loading:
        raise RuntimeError(
            "the module in which the harness stands runs the kit when it is imported, and other "
            'processes import it: run the kit under `if __name__ == "__main__":`'
        )


def _file_of(cls: type) -> str | None:
    try:
        return inspect.getsourcefile(cls)
    except (OSError, TypeError):
        return None


def _imported(name: str, file: str | None) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        if file is None:
            raise
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
