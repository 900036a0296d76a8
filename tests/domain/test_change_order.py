"""Runs ordered by their last change, compared with a sort of all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.runs import ChangeOrder

POSITIONS = st.integers(-20, 20)
TIMES = st.none() | st.integers(0, 8) | st.just(2**70)
CHANGES = st.lists(st.tuples(POSITIONS, TIMES))


def key_of(at: int | None) -> int:
    """Return the time by which a run is ordered."""
    return min(at or 0, 2**63 - 1)


@given(CHANGES, CHANGES, st.sets(POSITIONS))
def test_runs_are_ordered_by_time_and_then_by_position(
    first: list[tuple[int, int | None]], changes: list[tuple[int, int | None]], removed: set[int]
) -> None:
    order, times = ChangeOrder(first), dict(first)
    for position, at in changes:
        order.put(position, at)
        times[position] = at
    for position in removed:
        assert order.discard(position) == (position in times)
        times.pop(position, None)
    expected = sorted(times, key=lambda position: (key_of(times[position]), position))
    assert [order[index] for index in range(len(order))] == expected
    assert [order.index(position) for position in expected] == list(range(len(expected)))
    assert all(order.time_of(position) == key_of(at) for position, at in times.items())
    assert all((position in order) == (position in times) for position in range(-20, 21))
    for at in range(9):
        assert order.count_after(at) == sum(key_of(time) > at for time in times.values())


@given(CHANGES, CHANGES, st.sets(POSITIONS))
def test_parts_and_copies_do_not_share_changes(
    first: list[tuple[int, int | None]], changes: list[tuple[int, int | None]], chosen: set[int]
) -> None:
    order = ChangeOrder(first)
    part, copied = order.only(chosen), order.copy()
    assert list(part) == [position for position in order if position in chosen]
    order.update(ChangeOrder(changes))
    assert list(copied) == list(ChangeOrder(first))
    assert set(order) == {position for position, _ in (*first, *changes)}
