"""A real backend with one fault in its statements, scripts or settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import ModuleType

from attrs import field, frozen

from aide_de_camp.spi import Storage

from ...servers import PostgresServer, RedisServer

Patches = Sequence[AbstractContextManager[object]]

RACES = (
    "CAN-8.cancels",
    "CAN-8.payload",
    "CAN-8.race",
    "LEA-3.race",
    "PRI-7.once",
    "PRI-7.passed",
    "RET-4.race",
)
"""What may turn red where callers meet between two steps."""


@frozen
class RealMutant:
    """One of the project's own backends, broken on purpose.

    Attributes:
        name: the scheme, a dot, and the name of the function that is the fault.
        fault: what is wrong, in one sentence.
        scheme: the backend's.
        must: the ids of the requirements that turn red every time.
        may: those that turn red now and then, because callers race; no others do.
        patches: gives what breaks the backend while it is entered.
        around: what is put around each storage besides.
        options: more of the URL's query.
        server: makes the server that it is run on; None where that may be any.
    """

    name: str
    fault: str
    scheme: str
    must: frozenset[str]
    may: frozenset[str]
    patches: Callable[[], Patches] = field(repr=False, eq=False)
    around: Callable[[Storage], Storage] | None = field(default=None, repr=False, eq=False)
    options: str = ""
    server: Callable[[], PostgresServer | RedisServer] | None = field(
        default=None, repr=False, eq=False
    )

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the backend broken, in this process, during the block."""
        with ExitStack() as stack:
            for patch in self.patches():
                stack.enter_context(patch)
            yield


def broken(
    scheme: str,
    *must: str,
    may: Sequence[str] = (),
    around: Callable[[Storage], Storage] | None = None,
    options: str = "",
    server: Callable[[], PostgresServer | RedisServer] | None = None,
) -> Callable[[Callable[[], Patches]], RealMutant]:
    """Turn a function that gives patches into a mutant; its docstring is the fault."""

    def make(patches: Callable[[], Patches]) -> RealMutant:
        fault = " ".join((patches.__doc__ or "").split())
        return RealMutant(
            name=f"{scheme}.{patches.__name__}",
            fault=fault,
            scheme=scheme,
            must=frozenset(must),
            may=frozenset(may),
            patches=patches,
            around=around,
            options=options,
            server=server,
        )

    return make


def collect(modules: Sequence[ModuleType]) -> dict[str, RealMutant]:
    """Gather the mutants of some modules by their names."""
    found: dict[str, RealMutant] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, RealMutant):
                assert value.name not in found, f"{value.name} is there twice"
                assert value.fault, f"{value.name} says no fault"
                found[value.name] = value
    return found


def changed(text: str, old: str, new: str, times: int = 1) -> str:
    """Change a statement or script; what isn't there can't be broken."""
    assert text.count(old) == times, f"{old!r} stands {text.count(old)} times in {text!r}"
    return text.replace(old, new)
