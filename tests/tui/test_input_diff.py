"""What changed between two texts, line by line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.text import editable_json
from scaicore_tui.tui.render.line import BAR
from scaicore_tui.tui.render.replay_detail import MAX_COMPARED_LINES, count_changed, diff, diff_lines

LINES = st.lists(st.sampled_from("abcd"), max_size=12)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda x: st.lists(x, max_size=3))


def test_lines_around_a_change_are_told_and_the_rest_left_out() -> None:
    old = [*"abcdefgh"]
    new = [*"abcdxfgh"]
    assert diff(old, new) == [
        ("…", ""),
        (" ", "c"),
        (" ", "d"),
        ("-", "e"),
        ("+", "x"),
        (" ", "f"),
        (" ", "g"),
        ("…", ""),
    ]
    assert count_changed(diff(old, new)) == 1


def test_changes_far_apart_have_what_is_between_left_out() -> None:
    middle = [str(number) for number in range(9)]
    found = diff(["a", *middle, "b"], ["A", *middle, "B"])
    assert [line for kind, line in found if kind == " "] == ["0", "1", "7", "8"]
    assert count_changed(found) == 2


def test_a_comma_that_tells_of_the_next_line_is_no_change() -> None:
    assert [change for change in diff(["[", "1", "]"], ["[", "1,", "2", "]"]) if change[0] in "-+"] == [("+", "2")]


def test_texts_that_differ_much_are_told_at_no_great_cost() -> None:
    old, new = ([f"{name}{number}" for number in range(2 * MAX_COMPARED_LINES)] for name in "ab")
    assert count_changed(diff(old, new)) == 2 * MAX_COMPARED_LINES


@given(LINES, LINES)
def test_nothing_is_told_only_where_nothing_changed(old: list[str], new: list[str]) -> None:
    found = diff(old, new)
    assert bool(found) == (old != new)
    gone, come = ([line for kind, line in found if kind == sign] for sign in "-+")
    assert len(new) - len(old) == len(come) - len(gone)


@given(JSON, JSON)
def test_another_value_is_always_a_change(old: object, new: object) -> None:
    same = json.dumps(old) == json.dumps(new)
    assert bool(diff(editable_json(old).split("\n"), editable_json(new).split("\n"))) is not same


def test_lines_wrap_with_their_sign_once() -> None:
    assert diff_lines([("-", "abcdef"), ("+", "x")], 8) == [
        [BAR, ("- abcd", "red")],
        [BAR, ("  ef", "red")],
        [BAR, ("+ x", "green")],
    ]
