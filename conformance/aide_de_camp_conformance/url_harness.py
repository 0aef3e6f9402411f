"""A harness that needs nothing but a URL."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from aide_de_camp import Registry
from aide_de_camp.spi import Scratch, StorageOpener
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.running import OPENING
from aide_de_camp_conformance.template import NAMESPACE, check_template, filled
from aide_de_camp_conformance.transactions import OwnTransaction, sqlalchemy_transaction


class UrlHarness(Harness):
    """A harness for a backend that is installed as a plugin.

    Subclass it with a ``template``, or give one. Places are kept apart in one of two ways:

    * In the URL ``{namespace}`` stands for the place's name, and ``{folder}`` for a temporary
      folder that is removed at the end: ``sqlite:///{folder}/{namespace}.db``. Whoever writes it
      knows that each name is another place; what is left in them is theirs to remove.
    * A plain URL, such as ``postgresql://localhost/app``: then the backend itself says how places
      are kept apart from all that is stored there, and each is removed after use. Only a backend
      whose descriptor has a ``scratch`` can.

    Args:
        template: the URL; None takes the class's.
        registry: the plugins; None takes those that are installed.
        folder: what ``{folder}`` stands for, and is left; None makes one, and removes it.

    Attributes:
        left: names of places that couldn't be removed.
        folder: what ``{folder}`` stands for.

    Raises:
        ValueError: there is no URL, or it has other braces, or places at it can't be kept apart.
        AideDeCampError: no backend serves the URL, or it can't be used.
    """

    template: str = ""

    def __init__(
        self,
        template: str | None = None,
        *,
        registry: Registry | None = None,
        folder: Path | None = None,
    ) -> None:
        self.left: list[str] = []
        self._template = self.template if template is None else template
        if template is None and not self._template:
            raise ValueError(
                f"{type(self).__name__} has no URL: give its class a 'template', such as "
                "'mine://host/{namespace}'"
            )
        self._registry = Registry() if registry is None else registry
        check_template(self._template)
        self._scratch = None if NAMESPACE in self._template else self._found_scratch()
        self._tidy: Callable[[], object] | None = None
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="adc-kit-"))
            # Who forgets to close it, or dies of an error before, leaves no folder behind either.
            self._tidy = weakref.finalize(self, _tidy, folder, os.getpid())
        self.folder = folder

    def opener(self, namespace: str) -> StorageOpener:
        """See :meth:`Harness.opener`."""
        return self._registry.storage(self._url(namespace))

    def url(self, namespace: str) -> str | None:
        """See :meth:`Harness.url`; kept back where the place is this process's memory."""
        return self._url(namespace)

    def transaction(self, namespace: str) -> AbstractAsyncContextManager[OwnTransaction]:
        """See :meth:`Harness.transaction`: begun through SQLAlchemy, where that knows the URL."""
        return sqlalchemy_transaction(self._url(namespace))

    def remove(self, namespace: str) -> None:
        """See :meth:`Harness.remove`; what can't be removed is in ``left``."""
        if self._scratch is None:
            return
        try:
            asyncio.run(_remove(self._scratch, self._url(namespace)))
        except Exception:  # noqa: BLE001 (what it raises is no reason to lose the report)
            self.left.append(namespace)

    def close(self) -> None:
        """Remove the temporary folder, if it is its own."""
        if self._tidy is not None:
            self._tidy()

    def _url(self, namespace: str) -> str:
        url = filled(self._template, namespace=namespace, folder=self.folder)
        return url if self._scratch is None else self._scratch.url(url, namespace)

    def _found_scratch(self) -> Scratch:
        found = self._registry.scratch(self._template)
        if found is None:
            # The URL isn't shown: there may be a password in it.
            scheme = self._template.partition(":")[0]
            raise ValueError(
                f"the backend {scheme!r} doesn't say how to keep the kit's places apart from "
                "what is stored at this URL: write {namespace} where the URL tells one place "
                f"from another, as in {scheme}://host/{{namespace}} (every requirement has one "
                "of its own), or give the backend's descriptor a 'scratch'"
            )
        return found


def _tidy(folder: Path, owner: int) -> None:
    # A forked child has this harness too, and ends while its parent goes on.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def checked_harness(url: str, folder: Path) -> UrlHarness:
    """Make a harness that can give openers.

    Args:
        url: see :class:`UrlHarness`.
        folder: as above.

    Raises:
        ValueError: as above.
        AideDeCampError: no backend serves the URL, or it can't be used.
    """
    harness = UrlHarness(url, folder=folder)
    harness.opener("adc_kit_check")
    return harness


async def _remove(scratch: Scratch, url: str) -> None:
    async with asyncio.timeout(OPENING):
        await scratch.remove(url)
