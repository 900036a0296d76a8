"""Regular expressions match what those of Python match, in time that does not explode."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.query.regex import MAX_TEXT_CHARS, Regex, RegexError

_atoms = st.sampled_from(["a", "b", "B", ".", "[ab]", "[^a]", "[A-C_]", r"\d", r"\W", r"\s", r"\.", "^", "$", "x"])
_signs = st.sampled_from(["", "*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("{}{}{}".format, st.just("("), parts, st.just(")"))
    sequence = st.lists(st.builds(str.__add__, _atoms | group, _signs), min_size=1, max_size=3).map("".join)
    return sequence | st.builds("{}|{}".format, sequence, sequence)


patterns = st.recursive(_atoms, _larger, max_leaves=6)


@given(patterns, st.text("abBx1_. \n", max_size=8))
def test_it_matches_what_python_matches(pattern: str, text: str) -> None:
    try:
        # Python's `$` also matches before a line end at the end; ours does not.
        expected = re.compile(pattern.replace("$", r"\Z"), re.IGNORECASE)
    except re.error:
        return
    assert Regex(pattern).search(text) is bool(expected.search(text))


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(.*a){20}b", ".*.*.*.*=x", "(a?){50}a{50}b"])
def test_no_expression_takes_exponential_time(pattern: str) -> None:
    regex, text = Regex(pattern), "a" * 400
    begun = process_time()
    assert not regex.search(text)
    assert process_time() - begun < 1


def test_a_long_text_is_searched_up_to_a_limit() -> None:
    assert Regex("b").search("a" * (MAX_TEXT_CHARS - 1) + "b")
    assert not Regex("b").search("a" * MAX_TEXT_CHARS + "b")


@pytest.mark.parametrize(
    ("pattern", "position", "problem"),
    [
        ("a(b", 3, "( without )"),
        ("a)b", 1, ") without ("),
        ("*a", 0, "nothing to repeat"),
        ("a{2", 1, "needs {m}"),
        ("a{101}", 1, "up to 100"),
        ("[a", 2, "not complete"),
        ("[b-a]", 1, "range"),
        (r"\1", 0, "not supported"),
        ("(?=a)", 0, "not supported"),
        ("a" * 201, 200, "longer than"),
        ("(a{100}){100}", 13, "too large"),
    ],
)
def test_what_is_not_supported_is_named_with_its_position(pattern: str, position: int, problem: str) -> None:
    with pytest.raises(RegexError, match=re.escape(problem)) as raised:
        Regex(pattern)
    assert raised.value.position == position
