"""The backend keeps the contract: the kit says so.

``ADC_MARIADB_URL`` names a database that the tests may fill, such as
``mariadb://user:password@127.0.0.1/test``. Without it they are skipped.
"""

from __future__ import annotations

import os

import pytest

from aide_de_camp_conformance import UrlHarness
from aide_de_camp_conformance.backend import BackendConformance

URL = os.environ.get("ADC_MARIADB_URL")
pytestmark = pytest.mark.skipif(URL is None, reason="ADC_MARIADB_URL names no database")


class MariadbHarness(UrlHarness):
    template = f"{URL}?prefix={{namespace}}_"


class TestMariadb(BackendConformance):
    harness = MariadbHarness
