"""The histogram of durations: quantiles within 1 % of the exact ones, merging that loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.statistics.histogram import (
    MAX_MICROS,
    Histogram,
    bucket_of,
    exact_quantile,
    merge_bytes,
    value_of,
)

SHARES = (0.0, 0.01, 0.5, 0.95, 0.99, 1.0)
# Milliseconds as events tell them: whole microseconds, from none to a month.
durations = st.lists((st.integers(0, 2_000) | st.integers(0, 30 * 86_400 * 10**6)).map(lambda micros: micros / 1_000))


@given(durations)
def test_quantiles_are_within_1_percent_of_the_exact_ones(values: list[float]) -> None:
    histogram = Histogram.of(values)
    assert histogram.count == len(values)
    for share, found in zip(SHARES, histogram.quantiles(SHARES), strict=True):
        exact = exact_quantile(values, share)
        if exact is None:
            assert found is None
        else:
            assert found is not None
            assert abs(found - exact) <= 0.01 * exact


@given(durations, durations, durations)
def test_histograms_merge_in_any_order_to_that_of_all_durations(
    first: list[float], second: list[float], third: list[float]
) -> None:
    one, two, three = map(Histogram.of, (first, second, third))
    assert (one + two) + three == one + (two + three) == Histogram.of([*third, *first, *second])
    stored = [each.to_bytes() for each in (one, two, three)]
    assert merge_bytes(merge_bytes(stored[0], stored[1]), stored[2]) == (one + two + three).to_bytes()
    assert merge_bytes(stored[0], merge_bytes(stored[1], stored[2])) == (one + two + three).to_bytes()


@given(durations, durations)
def test_durations_are_taken_out_again(kept: list[float], removed: list[float]) -> None:
    both, minus = Histogram.of(kept + removed), Histogram() - Histogram.of(removed)
    assert Histogram.from_bytes(minus.to_bytes()) == minus
    assert merge_bytes(both.to_bytes(), minus.to_bytes()) == Histogram.of(kept).to_bytes()


@given(durations)
def test_bytes_are_read_as_they_were_written(values: list[float]) -> None:
    histogram = Histogram.of(values)
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram


@pytest.mark.parametrize("micros", [1, 2, 3, 10, 999, 1_000, 10**6, 10**9, 10**12, MAX_MICROS])
def test_a_bucket_stands_for_durations_within_1_percent(micros: int) -> None:
    exact = micros / 1_000
    assert value_of(bucket_of(exact)) == pytest.approx(exact, rel=0.01)


def test_the_longest_durations_share_a_bucket_and_none_is_shorter_than_nothing() -> None:
    assert bucket_of(1e30) == bucket_of(MAX_MICROS / 1_000)
    assert (bucket_of(0), bucket_of(-5), value_of(0)) == (0, 0, 0.0)


def test_a_day_of_one_node_takes_few_bytes() -> None:
    """10,000 visits that take from 1 to 10 seconds."""
    values = [1_000 + 0.9 * number for number in range(10_000)]
    assert len(Histogram.of(values).to_bytes()) < 500
