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
    value_of,
)

SHARES = (0.0, 0.01, 0.5, 0.95, 0.99, 1.0)
# Microseconds, from none to a month.
durations = st.lists(st.integers(0, 2_000) | st.integers(0, 30 * 86_400 * 10**6))


@given(durations)
def test_quantiles_are_within_1_percent_of_the_exact_ones(values: list[int]) -> None:
    histogram = Histogram.of(values)
    assert histogram.count == len(values)
    for share, found in zip(SHARES, histogram.quantiles(SHARES), strict=True):
        exact = exact_quantile([value / 1_000 for value in values], share)
        if exact is None:
            assert found is None
        else:
            assert found is not None
            assert abs(found - exact) <= 0.01 * exact


@given(durations, durations, durations)
def test_histograms_merge_in_any_order_to_that_of_all_durations(
    first: list[int], second: list[int], third: list[int]
) -> None:
    one, two, three = map(Histogram.of, (first, second, third))
    assert (one + two) + three == one + (two + three) == Histogram.of([*third, *first, *second])


@given(durations, durations)
def test_durations_are_taken_out_again(kept: list[int], removed: list[int]) -> None:
    assert Histogram() - Histogram.of(removed) + Histogram.of(kept + removed) == Histogram.of(kept)


@given(durations, st.sampled_from([1, 100, 256, 70_000]))
def test_bytes_are_read_as_they_were_written(values: list[int], times: int) -> None:
    histogram = Histogram(Histogram.of(values).lanes * times)
    assert histogram.count == len(values) * times
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not a histogram"):
        Histogram.from_bytes(b"\0\0\0\0")


@pytest.mark.parametrize("micros", [1, 2, 3, 10, 999, 1_000, 10**6, 10**9, 10**12, MAX_MICROS])
def test_a_bucket_stands_for_durations_within_1_percent(micros: int) -> None:
    assert value_of(bucket_of(micros)) == pytest.approx(micros / 1_000, rel=0.01)


def test_the_longest_durations_share_a_bucket_and_none_is_shorter_than_nothing() -> None:
    assert bucket_of(10**30) == bucket_of(MAX_MICROS)
    assert (bucket_of(0), bucket_of(-5), value_of(0)) == (0, 0, 0.0)


def test_a_day_of_one_node_takes_few_bytes() -> None:
    """10,000 visits that take from 1 to 10 seconds."""
    values = [1_000_000 + 900 * number for number in range(10_000)]
    assert len(Histogram.of(values).to_bytes()) < 250
