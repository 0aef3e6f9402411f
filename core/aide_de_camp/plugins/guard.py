"""Runs a plugin's code so that whatever it raises leaves as an error of the framework."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from aide_de_camp.plugins.hints import DISTRIBUTION, install_command
from aide_de_camp.plugins.requirements import extra_for
from aide_de_camp.plugins.sources import Source
from aide_de_camp.plugins.urls import scrub
from aide_de_camp.spi import (
    AideDeCampError,
    ConfigurationError,
    InvalidArgument,
    PluginBroken,
    PluginDependencyMissing,
)

_CORE_PACKAGE = "aide_de_camp"


def label(source: Source) -> str:
    """Name a plugin the way every message does: kind, name and where it comes from."""
    return f"{source.kind} {source.name!r}, {source.where}"


def broken(source: Source, why: str) -> PluginBroken:
    """Make the error for a plugin that doesn't do what its entry point promises."""
    return PluginBroken(source.name, f"{label(source)}: {why}")


@contextmanager
def guarded(
    source: Source, doing: str, *, url: str = "", extra: str | None = None
) -> Generator[None]:
    """Run a plugin's code.

    Args:
        source: whose code it is.
        doing: what it is asked for, such as ``importing it``.
        url: the storage URL that it was handed; its secrets are taken out of every message.
        extra: the extra that the plugin's descriptor names.

    Raises:
        PluginDependencyMissing: a module that isn't the plugin's own wasn't found.
        PluginBroken: it raised anything else, even SystemExit; what it raised is the cause,
            unless its text holds a secret.
        AideDeCampError: what the plugin raised of the framework's own errors.
    """
    try:
        yield
    except AideDeCampError as error:
        clean = scrub(str(error), url)
        if clean == str(error):
            raise
        argument = error.argument if isinstance(error, InvalidArgument) else "url"
        raise ConfigurationError(argument, clean.removeprefix(f"{argument}: ")) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's code, translated whole
        text = scrub(str(error), url)
        cause = error if text == str(error) else None
        raise _translated(source, doing, error, text, extra) from cause


def _translated(
    source: Source, doing: str, error: BaseException, text: str, extra: str | None
) -> AideDeCampError:
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    if module and module.partition(".")[0] not in (source.package, _CORE_PACKAGE):
        return dependency_missing(source, f"module {module!r}", _command(source, module, extra))
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return broken(source, f"{doing} raised {said}. Upgrade or uninstall it")


def dependency_missing(
    source: Source, missing: str, command: str | None
) -> PluginDependencyMissing:
    """Make the error for a plugin whose driver isn't installed."""
    remedy = command or "install the distribution that provides it"
    return PluginDependencyMissing(
        source.name, f"{label(source)}: it needs {missing}, which isn't installed: {remedy}"
    )


def _command(source: Source, module: str, extra: str | None) -> str | None:
    owner = source.distribution
    if extra is None and owner is not None:
        extra = extra_for(owner, source.name, module)
    return install_command(source.distribution_name or DISTRIBUTION, extra) if extra else None
