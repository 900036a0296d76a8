"""The diff of two texts, line by line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.text import editable_json
from scaicore_tui.tui.render.line import BAR
from scaicore_tui.tui.render.replay_detail import MAX_COMPARED_LINES, DiffLine, count_changed, diff, diff_lines

LINES = st.lists(st.sampled_from("abcd"), max_size=12)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda x: st.lists(x, max_size=3))


def test_shows_context_around_a_change() -> None:
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


def test_leaves_out_lines_between_distant_changes() -> None:
    middle = [str(number) for number in range(9)]
    lines = diff(["a", *middle, "b"], ["A", *middle, "B"])
    assert [line for kind, line in lines if kind == " "] == ["0", "1", "7", "8"]
    assert count_changed(lines) == 2


def test_ignores_a_trailing_comma() -> None:
    assert [change for change in diff(["[", "1", "]"], ["[", "1,", "2", "]"]) if change[0] in "-+"] == [("+", "2")]


def test_skips_the_comparison_of_long_texts() -> None:
    old, new = ([f"{name}{number}" for number in range(2 * MAX_COMPARED_LINES)] for name in "ab")
    assert count_changed(diff(old, new)) == 2 * MAX_COMPARED_LINES


@given(LINES, LINES)
def test_is_empty_only_if_nothing_changed(old: list[str], new: list[str]) -> None:
    lines = diff(old, new)
    assert bool(lines) == (old != new)
    removed, added = ([line for kind, line in lines if kind == wanted] for wanted in "-+")
    assert len(new) - len(old) == len(added) - len(removed)


@given(JSON, JSON)
def test_reports_every_changed_json_value(old: object, new: object) -> None:
    same = json.dumps(old) == json.dumps(new)
    assert bool(diff(editable_json(old).split("\n"), editable_json(new).split("\n"))) is not same


def test_wrapped_lines_show_the_kind_once() -> None:
    assert diff_lines([DiffLine("-", "abcdef"), DiffLine("+", "x")], 8) == [
        [BAR, ("- abcd", "red")],
        [BAR, ("  ef", "red")],
        [BAR, ("+ x", "green")],
    ]
