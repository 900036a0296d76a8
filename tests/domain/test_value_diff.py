"""The differences of two JSON values: as written, with lists aligned, and bounded."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.value_diff import MAX_CHANGES, MISSING, Change, changes, path_text, read_value
from tests.support.json_values import SCALARS, VALUES


def of(a: str, b: str) -> list[tuple[str, Any, Any]]:
    """Return the differences of two JSON texts, with their paths as text."""
    found = changes(read_value(a.encode()), read_value(b.encode()))
    return [(path_text(change.path), change.a, change.b) for change in found]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ('{"a": 1, "b": [true]}', '{"b": [true], "a": 1}', []),
        ("1", "true", [("", 1, True)]),
        ("1", "1.0", [("", 1, 1.0)]),
        ("0.1", "0.10", [("", 0.1, 0.1)]),
        ("null", "", [("", None, MISSING)]),
        ('{"a": null}', "{}", [("a", None, MISSING)]),
        ('{"a": {"b c": [0, {"d": 1}]}}', '{"a": {"b c": [0, {"d": 2}]}}', [("a.b c[1].d", 1, 2)]),
        ('["a", "b", "c"]', '["a", "c"]', [("[1]", "b", MISSING)]),
        ('["a", "c"]', '["a", "b", "c"]', [("[1]", MISSING, "b")]),
        ('[{"n": 1}, {"n": 2}]', '[{"n": 1}, {"n": 3}]', [("[1].n", 2, 3)]),
        ("[1]", '{"a": 1}', [("", [1], {"a": 1})]),
    ],
)
def test_differences_are_named_with_their_path(a: str, b: str, expected: list[tuple[str, Any, Any]]) -> None:
    assert of(a, b) == expected


def test_one_item_removed_from_three_hundred_is_one_difference() -> None:
    items = [{"invoice": number, "net": number * 1.5} for number in range(300)]
    shorter = [item for item in items if item["invoice"] != 120]
    assert changes(items, shorter) == [Change((120,), items[120], MISSING)]
    # Lists that are too long to be aligned are compared item by item, and no more than a bounded number is returned.
    assert len(changes(list(range(2_000)), list(range(5_000, 8_000)))) == MAX_CHANGES


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES)
def test_equal_values_have_no_differences_and_others_have_some(a: Any, b: Any) -> None:
    assert changes(a, copy.deepcopy(a)) == []
    assert bool(changes(a, b)) == (json.dumps(a, sort_keys=True) != json.dumps(b, sort_keys=True))
    assert bool(changes(a, b)) == bool(changes(b, a))


@settings(max_examples=200, deadline=None)
@given(st.lists(SCALARS, max_size=12), st.lists(SCALARS, max_size=12))
def test_the_differences_of_a_list_lead_from_one_to_the_other(a: list[Any], b: list[Any]) -> None:
    found = changes(a, b)
    removed = {change.path[0] for change in found if change.b is MISSING}
    replaced = {change.path[0]: change.b for change in found if MISSING not in (change.a, change.b)}
    kept = [json.dumps(replaced.get(index, item)) for index, item in enumerate(a) if index not in removed]
    added = {change.path[0] for change in found if change.a is MISSING}
    assert kept == [json.dumps(item) for index, item in enumerate(b) if index not in added]


def test_values_that_cannot_be_decoded_are_compared_too() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    assert read_value(deep) is None
    assert of("{", "{") == []
