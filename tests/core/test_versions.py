"""The handshake between a plugin and the core."""

from __future__ import annotations

from aide_de_camp.spi import SPI_VERSION, incompatibility


def test_the_same_and_older_minor_versions_fit():
    assert incompatibility(SPI_VERSION) is None
    assert incompatibility((1, 2), (1, 2)) is None
    assert incompatibility((1, 0), (1, 2)) is None


def test_while_the_major_version_is_0_an_older_minor_one_is_refused():
    message = incompatibility((0, 1), (0, 2))
    assert message
    assert "0.1" in message
    assert "0.2" in message
    assert "upgrade the plugin" in message


def test_another_major_version_is_refused_with_both_named():
    newer = incompatibility((2, 0), (1, 2))
    older = incompatibility((0, 9), (1, 2))
    assert newer
    assert older
    assert "2.0" in newer
    assert "1.2" in newer
    assert "upgrade aide-de-camp" in newer
    assert "upgrade the plugin" in older


def test_a_newer_minor_version_is_refused():
    message = incompatibility((1, 3), (1, 2))
    assert message
    assert "1.3" in message
    assert "upgrade aide-de-camp" in message
