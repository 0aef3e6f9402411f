"""The three kinds of plugin: where each is announced, and by which hook it registers."""

from __future__ import annotations

from enum import StrEnum


class PluginKind(StrEnum):
    """What a plugin adds."""

    BACKEND = "backend"
    CODEC = "codec"
    EXTENSION = "extension"

    @property
    def group(self) -> str:
        """The entry-point group in which plugins of this kind are announced."""
        return f"aide_de_camp.{self.value}s"

    @property
    def hook(self) -> str:
        """The hook that a plugin of this kind must implement."""
        return _HOOKS[self]


_HOOKS = {
    PluginKind.BACKEND: "adc_storages",
    PluginKind.CODEC: "adc_codecs",
    PluginKind.EXTENSION: "adc_event",
}
