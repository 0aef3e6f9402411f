"""A backend, or a core, with one fault, and what the kit must find of it."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from attrs import field, frozen

from aide_de_camp.spi import Storage, StorageOpener
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance.asking import NotAsked
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.server import Server
from aide_de_camp_conformance.transactions import OwnTransaction


@runtime_checkable
class Begins(Protocol):
    """A storage on which a user's transaction can be begun."""

    def begin(self) -> OwnTransaction:
        """Begin one."""
        ...


@runtime_checkable
class Place(Server, Protocol):
    """Makes storages on one place, and is the server that they reach it by."""

    def __call__(self) -> Storage:
        """Make a storage."""
        ...


@frozen
class Mutant:
    """Something broken on purpose.

    Attributes:
        name: the name of the class or function that is the fault.
        fault: what is wrong, in one sentence.
        kills: the ids of exactly the requirements that must turn red.
        places: makes the opener of a fresh place.
        target: the dotted name in the core that is replaced; empty for a broken backend.
        replace: from what stands there to what is to stand there.
    """

    name: str
    fault: str
    kills: frozenset[str]
    places: Callable[[], StorageOpener] = field(repr=False, eq=False)
    target: str = ""
    replace: Callable[[Any], Any] | None = field(default=None, repr=False, eq=False)

    def harness(self) -> Harness:
        """Give a harness on the broken backend."""
        return _MutantHarness(self.places)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the core broken during the block, if it is the core that is."""
        if self.replace is None:
            yield
            return
        owner, name = _owner_of(self.target)
        original = vars(owner)[name]
        setattr(owner, name, self.replace(original))
        try:
            yield
        finally:
            setattr(owner, name, original)


class _MutantHarness(Harness):
    def __init__(self, places: Callable[[], StorageOpener]) -> None:
        self._places = places
        self._openers: dict[str, StorageOpener] = {}

    def opener(self, namespace: str) -> StorageOpener:
        opener = self._places()
        self._openers[namespace] = opener
        return opener

    @asynccontextmanager
    async def transaction(self, namespace: str) -> AsyncGenerator[OwnTransaction]:
        storage = self._openers[namespace]()
        assert isinstance(storage, Begins), "a mutant that declares TXN-1 begins transactions"
        yield storage.begin()

    def server(self, namespace: str) -> Server:
        place = self._openers[namespace]
        if not isinstance(place, Place):
            raise NotAsked("this mutant has no server")
        return place

    def remove(self, namespace: str) -> None:
        del self._openers[namespace]


def reference() -> StorageOpener:
    """Make a fresh place of the memory backend as it is."""
    return on_world(World())


def on_world(world: World, storage: Callable[[World], Storage] = MemoryStorage) -> StorageOpener:
    """Make an opener of storages on one world."""
    return lambda: storage(world)


def broken_jobs(*kills: str) -> Callable[[type[Jobs]], Mutant]:
    """Turn a subclass of the memory backend's Jobs into a mutant; its docstring is the fault."""

    def make(jobs: type[Jobs]) -> Mutant:
        return _mutant(jobs, kills, lambda: on_world(World(jobs)))

    return make


def broken_world(*kills: str) -> Callable[[type[World]], Mutant]:
    """Turn a subclass of the memory backend's World into a mutant."""

    def make(world: type[World]) -> Mutant:
        return _mutant(world, kills, lambda: on_world(world()))

    return make


def broken_storage(*kills: str) -> Callable[[type[MemoryStorage]], Mutant]:
    """Turn a subclass of the memory backend's MemoryStorage into a mutant."""

    def make(storage: type[MemoryStorage]) -> Mutant:
        return _mutant(storage, kills, lambda: on_world(World(), storage))

    return make


def broken_server(*kills: str) -> Callable[[type[Place]], Mutant]:
    """Turn a class of places, each of which is its own server, into a mutant."""

    def make(place: type[Place]) -> Mutant:
        return _mutant(place, kills, place)

    return make


def broken_core(
    target: str, *kills: str, places: Callable[[], StorageOpener] = reference
) -> Callable[[Callable[[Any], Any]], Mutant]:
    """Turn a function from an original to its replacement into a mutant.

    Args:
        target: the dotted name of what is replaced, ``module.name`` or ``module.Class.name``.
        kills: the requirements that must turn red.
        places: makes the openers of fresh places.
    """

    def make(replace: Callable[[Any], Any]) -> Mutant:
        return Mutant(
            name=replace.__name__,
            fault=" ".join((replace.__doc__ or "").split()),
            kills=frozenset(kills),
            places=places,
            target=target,
            replace=replace,
        )

    return make


def collect(modules: Iterable[ModuleType]) -> Mapping[str, Mutant]:
    """Gather the mutants of some modules by their names.

    Raises:
        ValueError: two have the same name, or one has no docstring.
    """
    found: dict[str, Mutant] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Mutant):
                if value.name in found or not value.fault:
                    raise ValueError(f"mutant {value.name} is there twice, or says no fault")
                found[value.name] = value
    return found


def _mutant(kind: type[Any], kills: tuple[str, ...], places: Callable[[], StorageOpener]) -> Mutant:
    fault = " ".join((kind.__doc__ or "").split())
    return Mutant(kind.__name__, fault, frozenset(kills), places)


def _owner_of(target: str) -> tuple[Any, str]:
    path, _, name = target.rpartition(".")
    try:
        return importlib.import_module(path), name
    except ModuleNotFoundError:
        module, _, owner = path.rpartition(".")
        return getattr(importlib.import_module(module), owner), name
