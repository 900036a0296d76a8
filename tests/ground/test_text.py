"""Untrusted text is safe to show: no control characters, bounded size, kept width, and linear time."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from scaicore_tui import text
from scaicore_tui.text import (
    MAX_COMBINING_MARKS,
    MAX_LINE_CHARS,
    MAX_TEXT_CHARS,
    cell_width,
    display_name,
    editable_json,
    escape_json,
    json_inline,
    json_pretty,
    one_line,
    pad,
    quote,
    replace_controls,
    sanitize,
    sanitize_input,
    sanitize_input_line,
    truncate,
    wrap,
)
from scaicore_tui.timefmt import format_age, format_duration

# Unicode's default-ignorable characters without the emoji selectors, and a musical symbol without a visible glyph.
IGNORED_CODES = [0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0, 0x1D159]
IGNORED_CODES += [*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
IGNORED_CODES += [*range(0xFE00, 0xFE0E), *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)]
IGNORED_CODES += [*range(0xE0000, 0xE1000)]
INVISIBLE = frozenset(map(chr, IGNORED_CODES))
SELECTORS = "\ufe0e\ufe0f"
HOSTILE_CHARS = "\0\a\b\t\n\v\f\r\x1b\x7f\x84\x90\x9b\x9c\x9d\x9e\x9f\u0301\u0338\u20dd\u0e49\u1160\u11a8\u3099"
HOSTILE_CHARS += "\u061c\u200b\u200d\u202e\u2066\u2800\u3000\ufe0e\ufe0f\ufeff\ufffd\ud800\U0001f3fb\U000e0041 a1.“”[/]"
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from(HOSTILE_CHARS), max_size=60)
JSON = st.recursive(
    ANY | st.integers() | st.none() | st.booleans(), lambda inner: st.dictionaries(ANY, inner, max_size=3)
)

ATTEMPTS = 3
# Every function that turns untrusted text into shown text.
TRANSFORMS: dict[str, Callable[[str], str]] = {
    "sanitize": sanitize,
    "sanitize_input": sanitize_input,
    "sanitize_input_line": sanitize_input_line,
    "one_line": one_line,
    "one_line, truncated": lambda raw: one_line(raw, 7),
    "display_name": display_name,
    "display_name, truncated": lambda raw: display_name(raw, 7),
    "quote": quote,
    "wrap": lambda raw: "\n".join(wrap(raw, 7)),
    "wrap, truncated": lambda raw: "\n".join(wrap(raw, 7, 2)),
    "json_inline": json_inline,
    "json_inline, a key": lambda raw: json_inline({raw: [raw]}, 30),
    "json_pretty": json_pretty,
    "json_pretty, a key": lambda raw: json_pretty({raw: [raw]}),
    "editable_json": editable_json,
    "editable_json, a key": lambda raw: editable_json({raw: [raw]}),
    "escape_json": lambda raw: escape_json(json.dumps(raw, ensure_ascii=False)),
    "truncate": lambda raw: truncate(sanitize(raw), 7),
    "pad": lambda raw: pad(sanitize(raw), 7),
}
LINES = {
    *("sanitize_input_line", "one_line", "one_line, truncated", "display_name", "display_name, truncated", "quote"),
    *("json_inline", "json_inline, a key"),
}
# Repeated to a long text, each of these is the slowest input for some implementation.
WORST_CASES = {
    "blanks": " ",
    "newlines": "\n",
    "tabs": "\t",
    "escapes": "\x1b",
    "C1": "\x9b",
    "sequences": "\x1b]52;c;aGk=\x07",
    "combining marks without a base": "\u0301",
    "combining marks on one base": "a" + "\u0301" * 20,
    "selectors": "\ufe0f",
    "emoji": "\u2764\ufe0f",
    "wide": "漢",
    "surrogates": "\ud800",
    "tags": "\U000e0041",
    "joined": "👩\u200d",
    "words": "word ",
    "quotes": "“",
    "backslashes": '\\"',
}


def is_unsafe(char: str) -> bool:
    """Return True for characters that control a terminal, are invisible, or have no fixed meaning."""
    code, kind = ord(char), unicodedata.category(char)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return is_noncharacter or kind in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or char in INVISIBLE


def unsafe_chars(shown: str) -> list[str]:
    """Return the unsafe characters of `shown` as U+…, without line feeds and tabs."""
    return [f"U+{ord(char):04X}" for char in set(shown) - {"\n", "\t"} if is_unsafe(char)]


def bad_combinations(shown: str) -> list[str]:
    """Return each base with its combining marks where the marks are too many or have no base."""
    found, base, marks = [], "", ""
    for char in [*shown, "."]:
        if cell_len(char) or char in "\n\t":
            if len(marks) > MAX_COMBINING_MARKS or (marks and not base.strip()):
                found.append(base + marks)
            base, marks = char, ""
        else:
            marks += char
    return found


@pytest.mark.parametrize("transform", TRANSFORMS)
@given(raw=ANY)
def test_no_character_that_controls_a_terminal_is_left(transform: str, raw: str) -> None:
    shown = TRANSFORMS[transform](raw)
    assert not unsafe_chars(shown)
    assert not bad_combinations(shown)
    assert transform not in LINES or not {"\n", "\t"} & set(shown)


def test_no_unsafe_character_of_unicode_is_left() -> None:
    """Test every code point, each after its own base character."""
    every = "".join(f".{chr(code)}" for code in range(0x110000))
    assert not unsafe_chars(sanitize_input(every))
    shown = replace_controls(every)
    assert not {"\n", "\t", "\x1b"} & set(shown)
    assert not unsafe_chars(shown.replace("\ufffd", ""))


@given(ANY)
def test_sanitized_text_is_unchanged_by_a_second_pass(raw: str) -> None:
    for transform in (sanitize, sanitize_input, sanitize_input_line, one_line, lambda raw: one_line(raw, 9)):
        assert transform(transform(raw)) == transform(raw)


@given(ANY, st.integers(24, 60), st.integers(30, 90))
def test_size_limits_are_kept_and_a_second_pass_changes_nothing(raw: str, line_limit: int, text_limit: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text, "MAX_LINE_CHARS", line_limit)
        patched.setattr(text, "MAX_TEXT_CHARS", text_limit)
        shown = sanitize(raw)
        assert sanitize(shown) == shown
        assert len(shown) <= text_limit
        assert all(len(part) <= line_limit for part in shown.split("\n"))
        assert one_line(one_line(raw)) == one_line(raw)
        assert len(one_line(raw)) <= line_limit


@given(ANY)
def test_text_never_becomes_empty(raw: str) -> None:
    assert bool(one_line(raw)) == bool(raw)


@given(ANY, st.integers(0, 40))
def test_lines_fit_the_width_and_padded_lines_fill_it(raw: str, width: int) -> None:
    assert cell_width(one_line(raw, width)) <= width
    assert cell_width(pad(one_line(raw), width)) == width


@given(ANY, st.integers(2, 40))
def test_wrapped_lines_fit_the_width_and_lose_no_text(raw: str, width: int) -> None:
    lines = wrap(raw, width)
    assert all(cell_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(sanitize(raw).expandtabs(4).split())
    limited = wrap(raw, width, 2)
    assert all(cell_width(line) <= width for line in limited)
    assert limited == lines if len(lines) <= 2 else limited[1].endswith("…")


@given(JSON)
def test_editable_json_has_the_same_value(value: Any) -> None:
    assert json.loads(editable_json(value)) == value


@given(ANY)
def test_names_are_distinguishable_from_the_surrounding_sentence(raw: str) -> None:
    """A name is shown as one word, or in quotes with no quote inside."""
    shown = display_name(raw)
    is_in_quotes = shown[0] == "“" and shown[-1] == "”" and not set("“”") & set(shown[1:-1])
    assert is_in_quotes or not set(" ·,()[]=|›▍│“”") & set(shown)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x9b2J\x7f", "<9B>2J␡"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u200bb", "a<U+200B>b"),
        ("\ud800", "<U+D800>"),
        ("\ue0b0\ufdd0\U000f0000", "<U+E0B0><U+FDD0><U+F0000>"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4 + "…"),
        ("ก" + "\u0e49" * 9, "ก" + "\u0e49" * 4 + "…"),
        ("\u0301x \u0301", "<U+0301>x <U+0301>"),
        ("\u1112\u1161\u11ab", "\u1112\u1161\u11ab"),
        ("❤\ufe0f 1\ufe0f\u20e3 ℹ\ufe0f", "❤\ufe0f 1\ufe0f\u20e3 ℹ\ufe0f"),
        ("a\ufe0fb❤\ufe0f\ufe0f\ufe01", "a<U+FE0F>b❤\ufe0f<U+FE0F><U+FE01>"),
        ("👍🏽 नमस्ते naïve 漢字 🙂", "👍🏽 नमस्ते naïve 漢字 🙂"),
    ],
)
def test_sanitize_replaces_unsafe_characters(raw: str, shown: str) -> None:
    assert sanitize(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("exec_8f21c4", "exec_8f21c4"),
        ("group:finance", "group:finance"),
        ("Zoë", "Zoë"),
        ("expense approval", "“expense approval”"),
        ("x: confirmed · the run has continued", "“x: confirmed · the run has continued”"),
        ("x:", "“x:”"),
        ("a” · sent · “b", "“a' · sent · 'b”"),
        ("", "“”"),
    ],
)
def test_names_that_look_like_a_sentence_are_quoted(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_consecutive_spaces_become_one() -> None:
    assert one_line("  exec_1   completed\n\t 3s ") == "exec_1 completed 3s"
    assert one_line(" \n ") == "␠"


def test_pasted_text_keeps_its_lines() -> None:
    assert sanitize_input("a\r\nb\rc\n\x1bd\t") == "a\nb\nc\n␛d\t"
    assert sanitize_input_line("a  b\r\nc\td ") == "a  b c d "


def test_truncate_keeps_characters_and_quotes_whole() -> None:
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("漢字漢字", 5) == "漢字…"
    assert truncate("abc", 0) == ""
    assert truncate("e\u0301\u0301\u0301\u0301" * 8, 8) == "e\u0301\u0301\u0301\u0301" * 8
    assert display_name("expense approval", 9) == "expense…"
    assert display_name("an expense approval", 9) == "“an exp…”"


def test_truncated_text_states_its_full_length() -> None:
    assert sanitize("x" * MAX_LINE_CHARS) == "x" * MAX_LINE_CHARS
    assert sanitize("x" * 20_000).endswith("x… (cut: 20,000 characters)")
    lines = json_pretty(["x"] * 200_000).split("\n")
    assert lines[-1].startswith("… (cut: 1,")
    assert len("\n".join(lines)) == MAX_TEXT_CHARS
    assert one_line("x" * 20_000).endswith("x…")


def test_json_values_are_escaped() -> None:
    assert json_inline({"a": [1, "b"]}) == '{"a": [1, "b"]}'
    assert json_inline("two\nlines", 20) == "two lines"
    assert json_pretty({"k\x1b": 1}) == '{\n  "k\\u001b": 1\n}'
    assert editable_json({"k\u202e": "\x9b"}) == '{\n  "k\\u202e": "\\u009b"\n}'


def test_values_that_cannot_be_shown_are_replaced_by_the_reason() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert json_pretty(deep) == json_inline(deep) == "(nested too deeply to show)"
    assert json_inline({"a": 10**5000}) == "(contains a number with too many digits to show)"


@pytest.mark.parametrize("case", WORST_CASES)
def test_transforms_take_linear_time(case: str) -> None:
    """Eight times the text may take 16 times as long. A quadratic transform would take 64 times as long."""
    short, long = (WORST_CASES[case] * (size // len(WORST_CASES[case])) for size in (1 << 13, 1 << 16))
    for name in ("sanitize", "sanitize_input", "editable_json", "editable_json, a key", "wrap"):
        assert _is_fast_enough(TRANSFORMS[name], long, 16 * _fewest_cpu_s(TRANSFORMS[name], short) + 0.01), name


@pytest.mark.parametrize("case", WORST_CASES)
def test_text_beyond_the_size_limits_costs_almost_nothing(case: str) -> None:
    """Eight times the limit may take 3 times as long as the limit."""
    at_limit, over_limit = (
        WORST_CASES[case] * (size // len(WORST_CASES[case])) for size in (MAX_TEXT_CHARS, 8 * MAX_TEXT_CHARS)
    )
    for name in (
        *("sanitize", "one_line", "one_line, truncated", "display_name", "json_inline", "json_pretty"),
        "wrap, truncated",
    ):
        assert _is_fast_enough(TRANSFORMS[name], over_limit, 3 * _fewest_cpu_s(TRANSFORMS[name], at_limit) + 0.01), name


def _is_fast_enough(transform: Callable[[str], str], raw: str, limit_s: float) -> bool:
    """Return True if one of ATTEMPTS calls takes at most `limit_s` seconds of processor time."""
    return any(_cpu_s(transform, raw) <= limit_s for _ in range(ATTEMPTS))


def _fewest_cpu_s(transform: Callable[[str], str], raw: str) -> float:
    """Return the processor time of the fastest of ATTEMPTS calls, in seconds: other work makes some calls slower."""
    return min(_cpu_s(transform, raw) for _ in range(ATTEMPTS))


def _cpu_s(transform: Callable[[str], str], raw: str) -> float:
    """Return the processor time of one call, in seconds."""
    before = time.process_time()
    transform(raw)
    return time.process_time() - before


def test_ages_and_durations_are_formatted() -> None:
    assert [format_age(n) for n in (-5, 0, 59, 60, 3_600, 90_000)] == ["0s", "0s", "59s", "1m", "1h", "1d"]
    assert [format_duration(n) for n in (None, 0, 999, 3_100, 125_000, 3_725_000)] == [
        "",
        "0ms",
        "999ms",
        "3.1s",
        "2m05s",
        "1h02m",
    ]
