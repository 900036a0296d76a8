"""The benchmark with small sizes: its counts meet their limits, and every goal has a row. Times mean nothing there."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest

from tests.bench.__main__ import document, print_goals, print_table
from tests.bench.goals import Goal
from tests.bench.registry import COUNT_UNITS, Row, Setting, measure_rows, names

# Measurements by their cost; the others need minutes, or programs that may not be there.
MEASURED = (
    *(
        "start",
        "open",
        "lines",
        "ingest",
        "key-bytes",
        "key-time",
        "run-screen",
        "node-bytes",
        "idle",
        "memory-fresh",
        "memory",
    ),
    *("ceiling", "soak", "stall", "serve-calls"),
)
GOALS = {
    "start": {Goal.START},
    "open": {Goal.OPEN},
    "lines": {Goal.LINES},
    "ingest": {Goal.INGEST},
    "key-bytes": {Goal.KEY_BYTES, Goal.REST_BYTES},
    "key-time": {
        *(Goal.KEY_FEW, Goal.KEY_FEW_P99, Goal.KEY_MANY, Goal.KEY_MANY_P99, Goal.KEY_SIZES, Goal.KEY_FOLDING),
    },
    "run-screen": {Goal.RUN_BYTES_FEW, Goal.RUN_BYTES_MANY, Goal.RUN_KEY_FEW, Goal.RUN_KEY_MANY},
    "node-bytes": {Goal.NODE_BYTES},
    "idle": {Goal.IDLE},
    "memory-fresh": {Goal.MEMORY_FRESH},
    "memory": {Goal.MEMORY_EVENTS, Goal.MEMORY_RUNS},
    "stall": {Goal.STALL},
}


@pytest.mark.parametrize("name", MEASURED)
def test_counts_meet_their_limits_and_goals_have_a_ratio(name: str) -> None:
    found = list(measure_rows(Setting(small=True), [name]))
    assert found
    counts = [row for row in found if row.unit in COUNT_UNITS and row.target is not None]
    assert not [row for row in counts if row.is_met is False]
    assert {row.goal for row in found if row.goal} == {goal.name for goal in GOALS.get(name, ())}
    for row in found:
        assert row.note or row.is_met is not None or row.target is None, f"{row.name} was neither measured nor excused"
        assert row.value is None or row.unit in COUNT_UNITS or row.ratio, f"{row.name} has no ratio"


def test_every_goal_is_measured() -> None:
    # A whole day has no small size that fills the caches: its row is only there in full.
    assert set(Goal) == set().union(*GOALS.values()) | {Goal.DAY}
    assert GOALS.keys() <= set(MEASURED) <= set(names())


def test_a_time_or_a_size_needs_a_reference() -> None:
    for unit in ("ms", "s", "MiB", "%", "1/s", "events/s"):
        with pytest.raises(ValueError, match="without a reference"):
            Row("a", 30, unit)
        assert Row("a", 30, unit, reference=10).ratio == 3
        assert Row("a", unit=unit, note="not installed").ratio is None
    assert Row("a", 30, "bytes").ratio is None


def test_the_target_limits_the_ratio_or_without_a_reference_the_value() -> None:
    assert Row("a", 30, "ms", 2, reference=10).is_met is False
    assert Row("a", 30, "bytes", 30).is_met
    assert Row("a", 30, "calls", 60, is_minimum=True).is_met is False
    assert Row("a", 30).is_met is None
    assert Row("a", note="not installed", target=3).is_met is None
    assert Row("a", 30, "ms", 1.6, reference=10).limit == "≤ 1.6 ×"


def test_a_goal_is_printed_with_its_limit_and_whether_it_was_met() -> None:
    rows = [
        Goal.START.row(300, "ms", 100),
        Goal.IDLE.row(0.6, "%", 0.5, "six minutes"),
        Goal.LINES.without_value("lnav is not installed"),
    ]
    with redirect_stdout(io.StringIO()) as printed:
        print_table(rows)
        print_goals(rows)
    lines = {line.partition("  ")[0]: line for line in printed.getvalue().splitlines()}
    assert " 3 " in lines[rows[0].name]
    assert "≤ 1.4 ×  no " in lines[rows[0].name]
    assert "≤ 1.5 ×  yes " in lines[rows[1].name]
    assert "six minutes" in lines[rows[1].name]
    assert "≤ 0.8 × " in lines[rows[2].name]
    assert "lnav is not installed" in lines[rows[2].name]
    assert f"1 of {len(Goal)} goals met" in printed.getvalue()
    assert f"not met: {rows[0].name}\n" in printed.getvalue()
    assert f"not measured: {rows[2].name}\n" in printed.getvalue()


def test_the_document_has_goals_limits_and_ratios() -> None:
    found = json.loads(json.dumps(document(Goal.START.row(300, "ms", 100))))
    expected = {"goal": "START", "target": 1.4, "ratio": 3.0, "reached": False, "must": "≤ 1.4 ×", "at_least": False}
    assert found.items() >= expected.items()
    assert (found["value"], found["least"], found["beside"]) == (300, 100, "a Textual app with one table")


def test_measurements_are_in_the_order_of_the_table() -> None:
    assert [name for name in names() if name in ("idle", "version", "start")] == ["version", "start", "idle"]
