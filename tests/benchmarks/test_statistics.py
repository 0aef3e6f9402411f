"""Quantiles and ratios."""

from __future__ import annotations

import pytest
from benchmarks.suite.statistics import quantile, ratio


@pytest.mark.parametrize(
    "share, wanted", [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_quantile_is_the_nearest_rank(share, wanted):
    assert quantile(list(range(100, 0, -1)), share) == wanted


def test_quantile_of_one_value_is_that_value():
    assert [quantile([7.0], share) for share in (0, 0.5, 0.99, 1)] == [7.0] * 4


def test_above_one_we_are_better_whichever_way_a_figure_goes():
    assert ratio(200, 100, "rate_per_s") == 2
    assert ratio(5, 10, "p50_ms") == 2
    assert ratio(100, 200, "rate_per_s") == 0.5
    assert ratio(0, 10, "server_us") is None
    assert ratio(10, 0, "rate_per_s") is None
