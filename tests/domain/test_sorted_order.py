"""Runs in an order other than by their last change: each order, as runs come, change and go."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.config.views import Sort
from scaicore_tui.runs import Delta, Positions, RunStatus, Summary
from scaicore_tui.runs.change_order import ChangeOrder
from scaicore_tui.runs.sorted_order import SortedOrder, core_key, next_sort, status_order
from tests.support.builders import NOON, SECOND


def run(position: int, **facts: Any) -> Summary:
    return Summary(f"exec_{position}", position, **facts)


def listed(order: SortedOrder) -> list[int]:
    """Return the positions of the runs, the first run first."""
    return list(order.order)[::-1]


@pytest.mark.parametrize(
    ("sort", "name", "values", "expected"),
    [
        (Sort.STARTED, "started_at", [NOON, None, NOON + SECOND, NOON], [2, 3, 0, 1]),
        (Sort.CHANGED, "last_event_at", [NOON, NOON + SECOND, None, NOON], [1, 3, 0, 2]),
        (Sort.DURATION, "reported_ms", [7, 7.25, None, 1e20, float("nan")], [3, 1, 0, 4, 2]),
        (Sort.EVENTS, "event_count", [0, 3, 1, 3], [3, 1, 2, 0]),
        (Sort.CORE, "core_id", ["core_b", None, "core_a", "core_ab", "core_c"], [2, 3, 0, 4, 1]),
        (Sort.STATUS, "status", [RunStatus.WAITING, RunStatus.COMPLETED, RunStatus.FAILED], [1, 2, 0]),
    ],
)
def test_runs_are_ordered_and_move_as_they_change(
    sort: Sort, name: str, values: list[Any], expected: list[int]
) -> None:
    order = SortedOrder(sort, ChangeOrder(), ("core_a", "core_b"))
    runs = [run(position, **{name: value}) for position, value in enumerate(values)]
    order.apply(Delta({one.execution_id: one for one in runs}))
    if sort is not Sort.DURATION:
        assert listed(order) == expected
    else:
        assert listed(order)[:3] == expected[:3]
    # The last run becomes like the first one in the order, and began later; another one is gone.
    first, last = expected[0], len(values) - 1
    changed = run(last, **{name: values[first]})
    order.apply(Delta({changed.execution_id: changed}, vacated=[expected[1]] if expected[1] != last else []))
    assert listed(order)[0] == last
    assert len(listed(order)) == len(values) - (expected[1] != last)


def test_statuses_are_ordered_from_their_positions() -> None:
    order = status_order([(RunStatus.WAITING, Positions([0, 3])), (RunStatus.COMPLETED, Positions([1]))])
    assert listed(order) == [1, 3, 0]
    assert core_key(1) < core_key(0)


def test_a_key_goes_through_the_orders() -> None:
    assert [next_sort(sort) for sort in (Sort.CHANGED, Sort.STARTED, Sort.STATUS, Sort.EVENTS)] == [
        Sort.STARTED,
        Sort.DURATION,
        Sort.CHANGED,
        Sort.CHANGED,
    ]
