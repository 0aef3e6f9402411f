"""The kit's options for pytest. It is in everybody's pytest, so it imports nothing of the kit."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("aide-de-camp", "conformance of storage backends to Aide-De-Camp")
    group.addoption(
        "--adc-url",
        metavar="URL",
        help="The storage for 'pytest --pyargs aide_de_camp_conformance.suite_tests'.",
    )
    group.addoption(
        "--adc-level",
        type=int,
        choices=(1, 2, 3),
        default=3,
        help="The highest level that is asked for, of those tests and of your own; a class whose "
        "'level' is lower keeps to that.",
    )
    group.addoption(
        "--adc-json",
        type=Path,
        metavar="FILE",
        help="Write the report here; where several backends are tested, {name} in it is replaced "
        "by the name of the class. 'adc conformance show' makes other files of it.",
    )
    group.addoption(
        "--adc-publish",
        action="store_true",
        help="Write the 'published' reports of the classes that name one anew.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Gather results where a report is wanted; in each process, the first one writes it."""
    if config.getoption("adc_json") or config.getoption("adc_publish"):
        from aide_de_camp_conformance.gathering import Gathering  # noqa: PLC0415 (see above)

        config.pluginmanager.register(Gathering(config), "adc-gathering")
