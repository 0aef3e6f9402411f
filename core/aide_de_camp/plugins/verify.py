"""What a plugin must look like: checked once, when it is loaded, since pluggy checks little."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard, cast

import pluggy

from aide_de_camp.plugins.guard import broken, label
from aide_de_camp.plugins.sources import Source
from aide_de_camp.spi import (
    Capability,
    CodecDescriptor,
    Hooks,
    PluginIncompatible,
    Scratch,
    StorageDescriptor,
    incompatibility,
)

Descriptor = StorageDescriptor | CodecDescriptor

HOOKS = tuple(name for name in vars(Hooks) if name.startswith("adc_"))
_SPI_PARTS = 2


def verify_hooks(source: Source, plugin: object, manager: pluggy.PluginManager) -> None:
    """Check every hook implementation of a plugin, and that the needed one is there.

    Args:
        source: where the plugin comes from.
        plugin: the module or object that the entry point names.
        manager: reads the markers; nothing is registered with it.

    Raises:
        PluginBroken: it is a class; a hook is unknown, unmarked, missing or a wrapper; an
            implementation is a coroutine function, or has a parameter that isn't handed over.
    """
    if inspect.isclass(plugin):
        raise broken(source, "it is a class: announce an instance or a module")
    marked = marked_hooks(plugin, manager)
    for name in marked:
        _verify_hook(source, plugin, name, manager)
    if source.kind.hook not in marked:
        unmarked = hasattr(plugin, source.kind.hook)
        why = "isn't marked with aide_de_camp.spi.hookimpl" if unmarked else "is missing"
        raise broken(source, f"its hook {source.kind.hook} {why}")


def marked_hooks(plugin: object, manager: pluggy.PluginManager) -> list[str]:
    """Name the functions of a plugin that are marked as hook implementations."""
    return [name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name) is not None]


def _verify_hook(source: Source, plugin: object, name: str, manager: pluggy.PluginManager) -> None:
    if name not in HOOKS:
        near = difflib.get_close_matches(name, HOOKS, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(HOOKS)}"
        raise broken(source, f"there is no hook {name}{meant}")
    options = manager.parse_hookimpl_opts(plugin, name)
    if options and (options["wrapper"] or options["hookwrapper"] or options["specname"]):
        raise broken(source, f"{name} must be a plain implementation, named as its hook")
    function: Callable[..., object] = getattr(plugin, name)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise broken(source, f"{name} is a coroutine function; hooks are plain functions")
    _verify_parameters(source, name, function)


def _verify_parameters(source: Source, name: str, function: Callable[..., object]) -> None:
    known = list(inspect.signature(getattr(Hooks, name)).parameters)[1:]
    shown = f"the hook is {name}({', '.join(known)})"
    for parameter in inspect.signature(function).parameters.values():
        said = f"parameter {parameter.name} of {name}"
        if parameter.default is not parameter.empty:
            raise broken(source, f"{said} has a default; {shown}, and hands over every argument")
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise broken(source, f"{said} must be an ordinary one; {shown}")
        if parameter.name not in known:
            raise broken(source, f"{said} is unknown; {shown}")


def verify_descriptors(source: Source, returned: object) -> list[Descriptor]:
    """Check what a registering hook returned, the versions left out.

    Args:
        source: where the plugin comes from; its kind says which descriptors are due.
        returned: what the hook gave.

    Raises:
        PluginBroken: it isn't an iterable of such descriptors, one isn't filled in as its types
            say, or a name stands there twice.
    """
    wanted = StorageDescriptor if source.kind.hook == "adc_storages" else CodecDescriptor
    if not _is_iterable(returned):
        raise broken(
            source,
            f"{source.kind.hook} must return {wanted.__name__}s in a list, "
            f"not {type(returned).__name__}",
        )
    found: list[Descriptor] = []
    for item in returned:
        if not isinstance(item, wanted):
            raise broken(
                source,
                f"{source.kind.hook} returned {type(item).__name__}, not {wanted.__name__}",
            )
        _verify_fields(source, item)
        found.append(item)
    names = [name_of(item) for item in found]
    if len(set(names)) != len(names):
        raise broken(source, f"{source.kind.hook} returned a name twice: {', '.join(names)}")
    return found


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | dict)


def name_of(descriptor: Descriptor) -> str:
    """Read the name that a descriptor registers."""
    return descriptor.scheme if isinstance(descriptor, StorageDescriptor) else descriptor.name


def _verify_fields(source: Source, item: Descriptor) -> None:
    # A plugin is a stranger's code, perhaps never type-checked: what it says is looked at.
    make: object = item.connect if isinstance(item, StorageDescriptor) else item.factory
    if not _is_name(name_of(item)):
        raise broken(source, f"its descriptor's name is {name_of(item)!r}")
    if not _is_version(item.spi):
        raise broken(source, f"its descriptor's spi is {item.spi!r}; write (major, minor)")
    if not callable(make):
        raise broken(source, f"its descriptor has a {type(make).__name__} where a call is due")
    if isinstance(item, StorageDescriptor) and not _are_capabilities(item.capabilities):
        raise broken(source, "its descriptor's capabilities must be a frozenset of Capability")
    scratch: object = item.scratch if isinstance(item, StorageDescriptor) else None
    if not isinstance(scratch, Scratch | None):
        raise broken(source, "its descriptor's scratch must be a Scratch, or None")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_version(value: object) -> bool:
    if not isinstance(value, tuple):
        return False
    parts = cast("tuple[object, ...]", value)
    return len(parts) == _SPI_PARTS and all(type(part) is int and part >= 0 for part in parts)


def _are_capabilities(value: object) -> bool:
    if not isinstance(value, frozenset):
        return False
    items = cast("frozenset[object]", value)
    return all(isinstance(item, Capability) for item in items)


def named(source: Source, descriptors: Iterable[Descriptor]) -> Descriptor:
    """Pick the descriptor that the source announces, and shake hands with it.

    A module may serve several entry points, such as ``redis`` and ``rediss``: the others wait
    for theirs.

    Raises:
        PluginBroken: none has the entry point's name.
        PluginIncompatible: it was built for an SPI version that doesn't fit; both are named.
    """
    by_name = {name_of(item): item for item in descriptors}
    if source.name not in by_name:
        offered = ", ".join(map(repr, sorted(by_name))) or "nothing"
        raise broken(
            source, f"it is announced as {source.name!r}, but {source.kind.hook} offers {offered}"
        )
    handshake(source, by_name[source.name])
    return by_name[source.name]


def handshake(source: Source, descriptor: Descriptor) -> None:
    """Compare SPI versions.

    Raises:
        PluginIncompatible: they don't fit; both are named.
    """
    reason = incompatibility(descriptor.spi)
    if reason is not None:
        raise PluginIncompatible(source.name, f"{label(source)}: {reason}")
