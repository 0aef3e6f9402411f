"""What of a URL may be shown."""

from __future__ import annotations

import pytest

from aide_de_camp.plugins import redact_url
from aide_de_camp.plugins.urls import scrub


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("memory://", "memory://"),
        ("sqlite:///var/me@work/q.db?mode=ro", "sqlite:///var/me@work/q.db?mode=ro"),
        ("redis://u:hunter2@host:6379/0", "redis://***@host:6379/0"),
        ("redis://:hunter2@host", "redis://***@host"),
        ("redis://hunter2@host", "redis://***@host"),
        ("pg://u:hun/ter@2?#@host/db", "pg://***@host/db"),
        ("pg://host/db?user=u&password=hunter2&ssl=on", "pg://host/db?user=u&password=***&ssl=on"),
        ("pg://host/db?pass%77ord=hunter2", "pg://host/db?pass%77ord=***"),
        ("pg://host/db?a=1;API_KEY=hunter2", "pg://host/db?a=1;API_KEY=***"),
        ("pg:///db?password=", "pg:///db?password="),
        ("pg:///db?proxy=http://u:hunter2@p/x", "pg:///db?proxy=http://***@p/x"),
        ("u:hunter2@host/db", "***"),
        ("host/db?token=hunter2", "host/db?token=***"),
    ],
)
def test_secrets_are_hidden(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_scrub_takes_the_parts_out_of_any_text() -> None:
    url = "pg://u:hun%21ter@host/db?token=lion&sig=x"
    text = f"{url} failed for hun!ter (hun%21ter) and lion at host"
    assert scrub(text, url) == (
        "pg://***@host/db?token=***&sig=x failed for *** (***) and *** at host"
    )
    assert scrub("quiet", "") == "quiet"
