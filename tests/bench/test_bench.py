"""The bench, with small sizes: for what it counts. Times say nothing here."""

from __future__ import annotations

import pytest

from tests.bench.registry import Row, Setting, measured, names

COUNTS = ("key-bytes", "node-bytes", "idle", "ceiling", "soak", "serve-calls")
UNITS = ("", "bytes", "bytes/s")


@pytest.mark.parametrize("name", COUNTS)
def test_what_is_counted_is_what_it_must_be(name: str) -> None:
    found = [row for row in measured(Setting(small=True), [name]) if row.unit in UNITS and row.target is not None]
    assert found
    assert not [row for row in found if not row.reached]


def test_a_row_is_judged_by_its_ratio_or_else_by_its_value() -> None:
    assert Row("a", 30, "ms", 2, least=10).reached is False
    assert Row("a", 30, "ms", 30).reached
    assert Row("a", 30, "events/s", 60, at_least=True).reached is False
    assert Row("a", 30).reached is None
    assert Row("a", note="not installed", target=3).reached is None
    assert Row("a", 30, "ms", 1.6, least=10).must == "≤ 1.6 ×"


def test_rows_come_in_the_order_of_the_table() -> None:
    assert [name for name in names() if name in ("idle", "version", "start")] == ["version", "start", "idle"]
