"""Two values side by side: aligned, with what is equal folded."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from scaicore_tui.analysis.value_diff import MISSING, Path, changes
from scaicore_tui.analysis.value_pairs import MAX_ROWS, pair_values
from tests.support.json_values import VALUES


def rows(a: Any, b: Any, *toggled: Path) -> list[tuple[str, Any, Any]]:
    return [(f"{'  ' * row.depth}{row.name}", row.a, row.b) for row in pair_values(a, b, toggled)][1:]


def test_members_are_paired_and_what_only_one_has_is_beside_nothing() -> None:
    a, b = {"net": 4, "tags": ["x"], "old": None}, {"tags": ["x"], "net": 5, "new": True}
    assert rows(a, b) == [
        ("  net", 4, 5),
        ("  tags", ["x"], ["x"]),
        ("  old", None, MISSING),
        ("  new", MISSING, True),
    ]
    assert rows(a, b, ("tags",))[2] == ("    [0]", "x", "x")
    assert rows({"a": [1]}, {"a": {"b": 1}}) == [("  a", [1], {"b": 1})]
    assert rows({"a": {"b": 1}}, {}) == [("  a", {"b": 1}, MISSING), ("    b", 1, MISSING)]
    assert rows("one", "other") == []


def test_lists_are_aligned_and_equal_items_are_one_row_until_it_is_unfolded() -> None:
    items = [{"n": number} for number in range(300)]
    shorter = items[:40] + items[41:]
    assert [name for name, _, _ in rows(items, shorter)] == ["  [0]…[39]", "  [40]", "    n", "  [41]…[299]"]
    unfolded = rows(items, shorter, (41, 40, -1))
    assert unfolded[4] == ("    [41] [40]", {"n": 41}, {"n": 41})
    assert len(unfolded) == 4 + 259
    assert len(pair_values(list(range(3_000)), [-1] * 3_000, ())) == MAX_ROWS


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES)
def test_all_differences_are_shown_without_a_key(a: Any, b: Any) -> None:
    found, expected = pair_values(a, b, ()), changes(a, b)
    assert {change.path for change in expected} <= {row.path for row in found}
    assert bool(expected) == any(not row.is_equal for row in found)


def test_very_deep_values_are_one_row_below_a_limit() -> None:
    a: Any = 1
    b: Any = 2
    for _ in range(60):
        a, b = [a], [b]
    found = pair_values(a, b, ())
    assert found[-1].is_open is None
    assert len(found) < 60
