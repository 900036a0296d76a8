"""The counts of the benchmark meet their limits with small sizes. Times are not meaningful there."""

from __future__ import annotations

import pytest

from tests.bench.registry import Row, Setting, measure_rows, names

COUNTS = ("key-bytes", "node-bytes", "idle", "ceiling", "soak", "serve-calls")
UNITS = ("", "bytes", "bytes/s")


@pytest.mark.parametrize("name", COUNTS)
def test_counts_meet_their_limits(name: str) -> None:
    found = [row for row in measure_rows(Setting(small=True), [name]) if row.unit in UNITS and row.target is not None]
    assert found
    assert not [row for row in found if not row.is_met]


def test_the_target_limits_the_ratio_or_without_a_reference_the_value() -> None:
    assert Row("a", 30, "ms", 2, reference=10).is_met is False
    assert Row("a", 30, "ms", 30).is_met
    assert Row("a", 30, "events/s", 60, is_minimum=True).is_met is False
    assert Row("a", 30).is_met is None
    assert Row("a", note="not installed", target=3).is_met is None
    assert Row("a", 30, "ms", 1.6, reference=10).limit == "≤ 1.6 ×"


def test_measurements_are_in_the_order_of_the_table() -> None:
    assert [name for name in names() if name in ("idle", "version", "start")] == ["version", "start", "idle"]
