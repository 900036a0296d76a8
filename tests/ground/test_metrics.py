"""Metrics are text that a strict reader accepts, whatever names they carry, and never more than so many series."""

from __future__ import annotations

from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.metrics import OTHER, Counter, Durations, Family, Kind, Names, Sample, counters, gauge, gauges, render
from scaicore_tui.text import replace_controls
from tests.support.prometheus_text import read_metrics, series, values_of

# Includes unpaired surrogates, as a JSON text can hold them.
NAMES = st.text(st.characters(exclude_categories=())) | st.text('ab\\"\n\r\x1b\u2028{},=', max_size=6)


@given(st.lists(st.tuples(NAMES, st.integers(1, 9)), max_size=12))
def test_any_names_give_valid_text_with_all_counts(rows: list[tuple[str, int]]) -> None:
    names, found = Names(4), Counter("runs_total", "Runs.", "core_id")
    for name, count in rows:
        found.add(*names.labels(name), amount=count)
    read = read_metrics(render([found.family(), gauge("x", 'a \\ and a\nline "end"', 1)]))
    assert sum(value for (name, _), value in read.items() if name == "runs_total") == sum(count for _, count in rows)
    labels = values_of(read, "runs_total", "core_id")
    assert len(labels) <= 5
    assert all(len(name) <= 200 and replace_controls(name) == name for name in labels)


@given(st.lists(st.floats(-1, 100), min_size=1), st.lists(st.floats(-1, 100)))
def test_a_histogram_has_all_durations_and_only_grows(first: list[float], more: list[float]) -> None:
    found = Durations("wait_seconds", "Waits.", (0.1, 1, 10), "core_id")
    for seconds in first:
        found.add("a", seconds=seconds)
    before = read_metrics(render([found.family()]))
    assert before[series("wait_seconds_count", core_id="a")] == len(first)
    assert before[series("wait_seconds_bucket", core_id="a", le="1")] == sum(seconds <= 1 for seconds in first)
    for seconds in more:
        found.add("a", seconds=seconds)
    after = read_metrics(render([found.family()]))
    assert all(after[key] >= value for key, value in before.items())


def test_which_names_have_a_series_of_their_own_never_changes() -> None:
    names = Names(2)
    assert [names.labels(name) for name in ("a", "b", "c", "a", None)] == [("a",), ("b",), (OTHER,), ("a",), (OTHER,)]


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    values = {"whole": 3.0, "part": 0.25, "small": 1e-9, "large": 1e300, "endless": inf, "below": -inf, "none": nan}
    read = values_of(read_metrics(render([gauges("x", "Numbers.", "kind", values)])), "x", "kind")
    assert [repr(read[key]) for key in values] == [repr(float(value)) for value in values.values()]
    assert render([Family("x", Kind.GAUGE, "Nothing.", ())]) == b"# HELP x Nothing.\n# TYPE x gauge\n"
    assert read_metrics(render([counters("x_total", "Some.", "kind", {"a": 2})])) == {series("x_total", kind="a"): 2}


def test_a_value_of_a_label_cannot_end_the_label() -> None:
    hostile = 'a"} 1\nfake_total{core_id="b'
    family = Family("x", Kind.GAUGE, "Names.", [Sample(1, (("core_id", hostile),))])
    assert read_metrics(render([family])) == {series("x", core_id=hostile): 1}
