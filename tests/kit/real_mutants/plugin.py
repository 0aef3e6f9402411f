"""The broken backends as plugins, so that other processes open them by a URL too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from importlib import import_module
from urllib.parse import parse_qsl, quote, urlencode

from aide_de_camp.spi import Storage, StorageDescriptor, StorageOpener, hookimpl

from . import MUTANTS

PREFIX = "broken-"
SCHEMES = ("sqlite", "postgresql", "redis")
_OPTION = "mutant"
_active: dict[str, ExitStack] = {}


def broken_url(url: str, name: str) -> str:
    """Give the URL at which the broken backend serves what a URL names."""
    address, _, query = url.partition("?")
    more = f"{query}&" if query else ""
    return f"{PREFIX}{address}?{more}{MUTANTS[name].options}&{_OPTION}={quote(name)}"


def break_it(name: str) -> None:
    """Have a mutant's fault in this process, once, until :func:`mend`."""
    if name not in _active:
        stack = ExitStack()
        stack.enter_context(MUTANTS[name].applied())
        _active[name] = stack


def mend() -> None:
    """Have no fault in this process any more."""
    while _active:
        _active.popitem()[1].close()


def connect(url: str, options: Mapping[str, str]) -> StorageOpener:
    """Give an opener on the broken backend."""
    address, _, query = url.removeprefix(PREFIX).partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    mutant = MUTANTS[given.pop(_OPTION)]
    break_it(mutant.name)
    module = import_module(f"aide_de_camp_backends.{mutant.scheme}.plugin")
    opener: StorageOpener = module.connect(f"{address}?{urlencode(given)}", options)
    around = mutant.around

    def opened() -> Storage:
        storage = opener()
        return storage if around is None else around(storage)

    return opened


@hookimpl
def adc_storages() -> Iterable[StorageDescriptor]:
    """Offer them."""
    return [
        StorageDescriptor(scheme=f"{PREFIX}{scheme}", spi=(0, 1), connect=connect)
        for scheme in SCHEMES
    ]
