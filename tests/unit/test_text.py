"""Foreign text at the edge."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.runs.words import age, took
from scaicore_tui.text import cells, compact, cut, fit, one_line, pretty, safe, typed, wrap

ANY = st.text(st.characters(exclude_categories=()), max_size=60)


@given(ANY)
def test_nothing_that_drives_a_terminal_is_left(text: str) -> None:
    shown = safe(text)
    assert not any(
        unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Zl", "Zp") and sign not in "\n\t" for sign in shown
    )
    assert safe(shown) == shown


@given(ANY, st.integers(0, 40))
def test_a_line_keeps_its_width(text: str, width: int) -> None:
    assert cells(one_line(text, width)) <= width
    assert "\n" not in one_line(text)
    assert cells(fit(safe(text).replace("\n", " ").replace("\t", " "), width)) == width


@given(ANY, st.integers(2, 40))
def test_wrapped_lines_keep_the_width_and_the_words(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(safe(text).expandtabs(4).split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x9b2J\x7f", "<9B>2J␡"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("\ud800", "<U+D800>"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4 + "…"),
        ("naïve 漢字 🙂", "naïve 漢字 🙂"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_what_is_pasted_keeps_its_lines() -> None:
    assert typed("a\r\nb\rc\n\x1bd\t") == "a\nb\nc\n␛d\t"


def test_cutting() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("漢字漢字", 5) == "漢字…"
    assert cut("abc", 0) == ""


def test_values() -> None:
    assert compact({"a": [1, "b"]}) == '{"a": [1, "b"]}'
    assert compact("two\nlines", 20) == "two lines"
    assert pretty({"k\x1b": 1}) == '{\n  "k\\u001b": 1\n}'


def test_spans() -> None:
    assert [age(n) for n in (-5, 0, 59, 60, 3_600, 90_000)] == ["0s", "0s", "59s", "1m", "1h", "1d"]
    assert [took(n) for n in (None, 0, 999, 3_100, 125_000, 3_725_000)] == [
        "",
        "0ms",
        "999ms",
        "3.1s",
        "2m05s",
        "1h02m",
    ]
