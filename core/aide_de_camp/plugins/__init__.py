"""The plugin manager: finds storages, codecs and extensions, checks them, and keeps them apart."""

from __future__ import annotations

from aide_de_camp.plugins.bus import EventBus
from aide_de_camp.plugins.info import PluginInfo, PluginStatus
from aide_de_camp.plugins.kinds import PluginKind
from aide_de_camp.plugins.registry import Registry
from aide_de_camp.plugins.urls import redact_url

__all__ = ["EventBus", "PluginInfo", "PluginKind", "PluginStatus", "Registry", "redact_url"]
