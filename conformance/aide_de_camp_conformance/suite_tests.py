"""The suite against a URL: ``pytest --pyargs aide_de_camp_conformance.suite_tests --adc-url=URL``.

No file of your own is needed. The URL is as for ``adc conformance run``.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import ClassVar

import pytest

from aide_de_camp.spi import AideDeCampError
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.url_harness import UrlHarness


class TestBackend(BackendConformance):
    """Every requirement, on the storage of ``--adc-url``."""

    harness = UrlHarness
    url: ClassVar[str | None] = None

    @classmethod
    def make_harness(cls) -> Harness:
        """Make it from the URL."""
        if not cls.url:
            pytest.exit("name a storage: --adc-url=URL", pytest.ExitCode.USAGE_ERROR)
        with ExitStack() as stack:
            try:
                harness = stack.enter_context(closing(UrlHarness(cls.url)))
                harness.opener("adc_kit_check")
            except (ValueError, AideDeCampError) as error:
                pytest.exit(f"--adc-url: {error}", pytest.ExitCode.USAGE_ERROR)
            stack.pop_all()
            return harness


@pytest.fixture(scope="module", autouse=True)
def _asked(request: pytest.FixtureRequest) -> None:
    # Classes are set up without the options; this comes before.
    TestBackend.url = request.config.getoption("adc_url", default=None)
