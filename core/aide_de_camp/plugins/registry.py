"""From a URL to a storage, from a name to a codec: the plugins of one application."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Final, cast

from aide_de_camp.checks import checked_options, checked_several, checked_string
from aide_de_camp.plugins.bus import EventBus, Listener
from aide_de_camp.plugins.guard import broken, guarded, label
from aide_de_camp.plugins.hints import not_found, own_extras
from aide_de_camp.plugins.info import PluginInfo, PluginStatus
from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.plugins.listing import check_requirements, line, status_of
from aide_de_camp.plugins.loader import Loader
from aide_de_camp.plugins.sources import Source, installed, sources_of
from aide_de_camp.plugins.urls import scheme_of
from aide_de_camp.plugins.verify import Descriptor, handshake, name_of
from aide_de_camp.spi import (
    AideDeCampError,
    Codec,
    CodecDescriptor,
    InvalidArgument,
    PluginBroken,
    PluginConflict,
    PluginError,
    PluginNotFound,
    Scratch,
    Storage,
    StorageDescriptor,
    StorageOpener,
)

DISABLE_VARIABLE: Final = "ADC_DISABLE_PLUGINS"
"""Names of plugins or distributions, separated by commas, that a registry leaves alone."""

_log = logging.getLogger("aide_de_camp.plugins")


class Registry:
    """The plugins that are installed, and those that the application registered itself.

    Making one reads the names of what is installed and imports nothing. A backend or codec is
    imported when it is first asked for, and verified then; extensions all are when ``events`` is
    first read. The storages and codecs that come with Aide-De-Camp are found in the same way.

    It may be used from several threads.
    """

    def __init__(
        self,
        *,
        entry_points: Iterable[metadata.EntryPoint] | None = None,
        disabled: Iterable[str] | None = None,
    ) -> None:
        """Read what is installed.

        Args:
            entry_points: use these in place of the installed ones, in a test for instance.
            disabled: names of plugins or of distributions to leave alone; by default those in
                the environment variable ``ADC_DISABLE_PLUGINS``, separated by commas.

        Raises:
            InvalidArgument: an argument is bad.
        """
        if disabled is None:
            disabled = os.environ.get(DISABLE_VARIABLE, "").split(",")
        names = checked_several("disabled", disabled, "names")
        self._disabled = frozenset(checked_string("disabled", name).strip() for name in names)
        points = installed() if entry_points is None else _checked_points(entry_points)
        self._sources = sources_of(points)
        self._loader = Loader()
        self._lock = threading.RLock()
        self._descriptors: dict[tuple[PluginKind, str], Descriptor] = {}
        self._codecs: dict[str, Codec] = {}
        self._events: EventBus | None = None

    def storage(self, url: str, options: Mapping[str, str] | None = None) -> StorageOpener:
        """Find the backend that serves a URL, and let it check URL and options.

        Nothing is connected yet. Secrets in the URL are kept out of every error's message.

        Args:
            url: ``scheme://...``; all but the scheme is read by the backend alone.
            options: settings in the backend's own words.

        Returns:
            What makes storages, unopened ones, each for one event loop.

        Raises:
            ConfigurationError: the URL has no scheme, or the backend can't use it or an option.
            PluginNotFound: no backend serves the scheme; the message lists those installed.
            PluginError: the backend is there and can't be used; the message says what to do.
            InvalidArgument: the URL isn't a string, or the options aren't strings.
        """
        settings = checked_options("options", options)
        source, found = self._describe(PluginKind.BACKEND, scheme_of(url))
        descriptor = cast("StorageDescriptor", found)  # the loader verified the type
        connect, extra = descriptor.connect, descriptor.extra
        with guarded(source, "reading the URL", url=url, extra=extra):
            opener: object = connect(url, settings)
            if not callable(opener):
                raise broken(source, f"connect returned {type(opener).__name__}, not an opener")

        def open_guarded() -> Storage:
            with guarded(source, "making a storage", url=url, extra=extra):
                storage: Storage = opener()
                return storage

        return open_guarded

    def scratch(self, url: str) -> Scratch | None:
        """Tell how a tester gets places of its own at a URL.

        Returns:
            What the backend offers for it; None where it offers nothing.

        Raises:
            ConfigurationError: the URL has no scheme.
            PluginNotFound: no backend serves the scheme; the message lists those installed.
            PluginError: the backend is there and can't be used; the message says what to do.
            InvalidArgument: the URL isn't a string.
        """
        _, found = self._describe(PluginKind.BACKEND, scheme_of(url))
        return cast("StorageDescriptor", found).scratch  # the loader verified the type

    def codec(self, name: str) -> Codec:
        """Give the codec of a name: always the same one.

        Raises:
            PluginNotFound: no codec has this name; the message lists those installed.
            PluginError: the codec is there and can't be used; the message says what to do.
            InvalidArgument: the name isn't a string.
        """
        checked_string("name", name)
        with self._lock:
            if name not in self._codecs:
                source, descriptor = self._describe(PluginKind.CODEC, name)
                self._codecs[name] = _make_codec(source, descriptor)
            return self._codecs[name]

    @property
    def events(self) -> EventBus:
        """The bus that tells this registry's extensions of events.

        All extensions are loaded when it is first read; one that can't be used is logged and
        left out. Register the application's own before a queue is opened.
        """
        with self._lock:
            if self._events is None:
                self._events = EventBus(self._listeners())
            return self._events

    def plugins(self) -> tuple[PluginInfo, ...]:
        """List every plugin, usable or not, by kind and name.

        Everything is imported for it, and nothing that goes wrong there is raised.
        """
        with self._lock:
            return tuple(self._line(source) for source in self._sources)

    def register(self, plugin: object) -> None:
        """Add a plugin object, a module or an instance, without an entry point.

        It is verified as an installed one is. Its backends and codecs go by the names in their
        descriptors, an extension by its ``__name__`` or its class's.

        Raises:
            PluginBroken: it implements no hook, or not as it should.
            PluginIncompatible: it was built for another SPI version.
            PluginConflict: a name is taken; nothing was added.
        """
        with self._lock:
            added = self._verified(plugin)
            for source, _ in added:
                taken = self._enabled(source.kind, source.name)
                if taken:
                    raise _conflict([*taken, source])
            for source, descriptor in added:
                self._sources.append(source)
                if descriptor is not None:
                    self._descriptors[source.kind, source.name] = descriptor
            self._sources.sort(key=lambda source: (source.kind, source.name))
            self._events = None

    def _verified(self, plugin: object) -> list[tuple[Source, Descriptor | None]]:
        name = str(getattr(plugin, "__name__", type(plugin).__name__))
        kinds = self._loader.kinds_of(plugin)
        if not kinds:
            raise PluginBroken(
                name,
                f"{name} implements none of the hooks "
                f"{', '.join(kind.hook for kind in PluginKind)} (or isn't marked with hookimpl)",
            )
        added: list[tuple[Source, Descriptor | None]] = []
        for kind in kinds:
            whole = Source(kind, name, plugin=plugin)
            if kind is PluginKind.EXTENSION:
                self._loader.load(whole)
                added.append((whole, None))
                continue
            for descriptor in self._loader.offered(whole):
                source = Source(kind, name_of(descriptor), plugin=plugin)
                handshake(source, descriptor)
                added.append((source, descriptor))
        return added

    def _enabled(self, kind: PluginKind, name: str) -> list[Source]:
        return [
            source
            for source in self._sources
            if source.kind is kind and source.name == name and not self._is_disabled(source)
        ]

    def _is_disabled(self, source: Source) -> bool:
        return source.named_in(self._disabled)

    def _find(self, kind: PluginKind, name: str) -> Source:
        found = self._enabled(kind, name)
        if len(found) > 1:
            raise _conflict(found)
        if found:
            return found[0]
        for source in self._sources:
            if source.kind is kind and source.name == name:
                raise PluginNotFound(
                    name, f"{label(source)}: it is disabled; see {DISABLE_VARIABLE}"
                )
        names = [source.name for source in self._sources if source.kind is kind]
        raise PluginNotFound(name, not_found(kind, name, names, own_extras()))

    def _describe(self, kind: PluginKind, name: str) -> tuple[Source, Descriptor]:
        with self._lock:
            source = self._find(kind, name)
            if (kind, name) not in self._descriptors:
                self._descriptors[kind, name] = self._loader.describe(source)
            return source, self._descriptors[kind, name]

    def _listeners(self) -> list[Listener]:
        listeners: list[Listener] = []
        for source in self._sources:
            if source.kind is not PluginKind.EXTENSION or self._is_disabled(source):
                continue
            try:
                listeners.append(self._loader.listener(self._find(source.kind, source.name)))
            except PluginError as error:
                _log.warning("left out: %s", error, extra={"adc_extension": source.name})
        return listeners

    def _line(self, source: Source) -> PluginInfo:
        if self._is_disabled(source):
            return line(source, PluginStatus.DISABLED, detail=f"see {DISABLE_VARIABLE}")
        descriptor: Descriptor | None = None
        try:
            if source.kind is PluginKind.EXTENSION:
                self._loader.listener(self._find(source.kind, source.name))
                return line(source, PluginStatus.OK)
            _, descriptor = self._describe(source.kind, source.name)
            check_requirements(source, descriptor)
            if source.kind is PluginKind.CODEC:
                self.codec(source.name)
        except AideDeCampError as error:
            return line(source, status_of(error), descriptor=descriptor, detail=str(error))
        return line(source, PluginStatus.OK, descriptor=descriptor)


def _checked_points(given: Iterable[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    points = list(checked_several("entry_points", given, "entry points"))
    if not all(isinstance(point, metadata.EntryPoint) for point in points):
        raise InvalidArgument("entry_points", "must all be of importlib.metadata.EntryPoint")
    return points


def _conflict(sources: Iterable[Source]) -> PluginConflict:
    found = list(sources)
    places = " and ".join(source.where for source in found)
    return PluginConflict(
        found[0].name,
        f"{found[0].kind} {found[0].name!r} is claimed by {places}: uninstall one of them, "
        f"or name its distribution in {DISABLE_VARIABLE}",
    )


def _make_codec(source: Source, found: Descriptor) -> Codec:
    descriptor = cast("CodecDescriptor", found)  # the loader verified the type
    with guarded(source, "making the codec", extra=descriptor.extra):
        return _checked_codec(source, descriptor.factory())


def _checked_codec(source: Source, made: object) -> Codec:
    if not isinstance(made, Codec):
        raise broken(source, f"its factory made {type(made).__name__}, which is no Codec")
    if made.name != source.name:
        raise broken(source, f"its codec calls itself {made.name!r}")
    return made
