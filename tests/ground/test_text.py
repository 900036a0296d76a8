"""Foreign text at the edge."""

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

# What Unicode calls default-ignorable, but the selectors that choose how an emoji looks, and a note without a head.
IGNORED = [0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0, 0x1D159]
IGNORED += [*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
IGNORED += [*range(0xFE00, 0xFE0E), *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)]
IGNORED += [*range(0xE0000, 0xE1000)]
INVISIBLE = frozenset(map(chr, IGNORED))
SELECTORS = "\ufe0e\ufe0f"
HOSTILE_SIGNS = "\0\a\b\t\n\v\f\r\x1b\x7f\x84\x90\x9b\x9c\x9d\x9e\x9f\u0301\u0338\u20dd\u0e49\u1160\u11a8\u3099"
HOSTILE_SIGNS += "\u061c\u200b\u200d\u202e\u2066\u2800\u3000\ufe0e\ufe0f\ufeff\ufffd\ud800\U0001f3fb\U000e0041 a1.“”[/]"
ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from(HOSTILE_SIGNS), max_size=60)
JSON = st.recursive(
    ANY | st.integers() | st.none() | st.booleans(), lambda inner: st.dictionaries(ANY, inner, max_size=3)
)

# Each way from foreign text to something that is seen.
ATTEMPTS = 3
WAYS: dict[str, Callable[[str], str]] = {
    "safe": sanitize,
    "typed": sanitize_input,
    "typed_line": sanitize_input_line,
    "one_line": one_line,
    "one_line, cut": lambda raw: one_line(raw, 7),
    "named": display_name,
    "named, cut": lambda raw: display_name(raw, 7),
    "quoted": quote,
    "wrap": lambda raw: "\n".join(wrap(raw, 7)),
    "wrap, cut": lambda raw: "\n".join(wrap(raw, 7, 2)),
    "compact": json_inline,
    "compact, a key": lambda raw: json_inline({raw: [raw]}, 30),
    "pretty": json_pretty,
    "pretty, a key": lambda raw: json_pretty({raw: [raw]}),
    "source": editable_json,
    "source, a key": lambda raw: editable_json({raw: [raw]}),
    "escaped": lambda raw: escape_json(json.dumps(raw, ensure_ascii=False)),
    "cut": lambda raw: truncate(sanitize(raw), 7),
    "fit": lambda raw: pad(sanitize(raw), 7),
}
LINES = {"typed_line", "one_line", "one_line, cut", "named", "named, cut", "quoted", "compact", "compact, a key"}
# Strings of a megabyte, each the worst for somebody.
WORST = {
    "blanks": " ",
    "newlines": "\n",
    "tabs": "\t",
    "escapes": "\x1b",
    "C1": "\x9b",
    "sequences": "\x1b]52;c;aGk=\x07",
    "marks on nothing": "\u0301",
    "marks on one sign": "a" + "\u0301" * 20,
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


def is_unsafe(sign: str) -> bool:
    """Whether a sign drives a terminal, stands unseen, or means whatever a font likes."""
    code, kind = ord(sign), unicodedata.category(sign)
    is_none = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return is_none or kind in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or sign in INVISIBLE


def unsafe_in(shown: str) -> list[str]:
    return [f"U+{ord(sign):04X}" for sign in set(shown) - {"\n", "\t"} if is_unsafe(sign)]


def stacks_of(shown: str) -> list[str]:
    """What stands on something else, each with what it stands on; too many, or on nothing."""
    found, base, on_it = [], "", ""
    for sign in [*shown, "."]:
        if cell_len(sign) or sign in "\n\t":
            if len(on_it) > MAX_COMBINING_MARKS or (on_it and not base.strip()):
                found.append(base + on_it)
            base, on_it = sign, ""
        else:
            on_it += sign
    return found


@pytest.mark.parametrize("way", WAYS)
@given(raw=ANY)
def test_nothing_that_drives_a_terminal_is_left(way: str, raw: str) -> None:
    shown = WAYS[way](raw)
    assert not unsafe_in(shown)
    assert not stacks_of(shown)
    assert way not in LINES or not {"\n", "\t"} & set(shown)


def test_no_unsafe_character_of_unicode_is_left() -> None:
    """All of Unicode, each sign on a base of its own."""
    every = "".join(f".{chr(code)}" for code in range(0x110000))
    assert not unsafe_in(sanitize_input(every))
    shown = replace_controls(every)
    assert not {"\n", "\t", "\x1b"} & set(shown)
    assert not unsafe_in(shown.replace("\ufffd", ""))


@given(ANY)
def test_safe_text_is_unchanged(raw: str) -> None:
    for way in (sanitize, sanitize_input, sanitize_input_line, one_line, lambda raw: one_line(raw, 9)):
        assert way(way(raw)) == way(raw)


@given(ANY, st.integers(24, 60), st.integers(30, 90))
def test_bounds_are_kept_and_safe(raw: str, line: int, whole: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text, "MAX_LINE_CHARS", line)
        patched.setattr(text, "MAX_TEXT_CHARS", whole)
        shown = sanitize(raw)
        assert sanitize(shown) == shown
        assert len(shown) <= whole
        assert all(len(part) <= line for part in shown.split("\n"))
        assert one_line(one_line(raw)) == one_line(raw)
        assert len(one_line(raw)) <= line


@given(ANY)
def test_text_never_becomes_invisible(raw: str) -> None:
    assert bool(one_line(raw)) == bool(raw)


@given(ANY, st.integers(0, 40))
def test_a_line_keeps_its_width(raw: str, width: int) -> None:
    assert cell_width(one_line(raw, width)) <= width
    assert cell_width(pad(one_line(raw), width)) == width


@given(ANY, st.integers(2, 40))
def test_wrapped_lines_keep_the_width_and_the_words(raw: str, width: int) -> None:
    lines = wrap(raw, width)
    assert all(cell_width(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(sanitize(raw).expandtabs(4).split())
    few = wrap(raw, width, 2)
    assert all(cell_width(line) <= width for line in few)
    assert few == lines if len(lines) <= 2 else few[1].endswith("…")


@given(JSON)
def test_what_is_edited_means_what_it_came_as(value: Any) -> None:
    assert json.loads(editable_json(value)) == value


@given(ANY)
def test_names_cannot_pass_for_a_part_of_the_sentence(raw: str) -> None:
    """It is one word, or stands between quotes, of which there are none inside."""
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
def test_what_is_shown(raw: str, shown: str) -> None:
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
def test_names_among_our_words(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_runs_of_spaces_become_one() -> None:
    assert one_line("  exec_1   completed\n\t 3s ") == "exec_1 completed 3s"
    assert one_line(" \n ") == "␠"


def test_what_is_pasted_keeps_its_lines() -> None:
    assert sanitize_input("a\r\nb\rc\n\x1bd\t") == "a\nb\nc\n␛d\t"
    assert sanitize_input_line("a  b\r\nc\td ") == "a  b c d "


def test_cutting() -> None:
    assert truncate("abcdef", 4) == "abc…"
    assert truncate("漢字漢字", 5) == "漢字…"
    assert truncate("abc", 0) == ""
    assert truncate("e\u0301\u0301\u0301\u0301" * 8, 8) == "e\u0301\u0301\u0301\u0301" * 8
    assert display_name("expense approval", 9) == "expense…"
    assert display_name("an expense approval", 9) == "“an exp…”"


def test_cut_text_gives_its_full_length() -> None:
    assert sanitize("x" * MAX_LINE_CHARS) == "x" * MAX_LINE_CHARS
    assert sanitize("x" * 20_000).endswith("x… (cut: 20,000 characters)")
    lines = json_pretty(["x"] * 200_000).split("\n")
    assert lines[-1].startswith("… (cut: 1,")
    assert len("\n".join(lines)) == MAX_TEXT_CHARS
    assert one_line("x" * 20_000).endswith("x…")


def test_values() -> None:
    assert json_inline({"a": [1, "b"]}) == '{"a": [1, "b"]}'
    assert json_inline("two\nlines", 20) == "two lines"
    assert json_pretty({"k\x1b": 1}) == '{\n  "k\\u001b": 1\n}'
    assert editable_json({"k\u202e": "\x9b"}) == '{\n  "k\\u202e": "\\u009b"\n}'


def test_values_that_cannot_be_shown_give_a_remark() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert json_pretty(deep) == json_inline(deep) == "(nested too deeply to show)"
    assert json_inline({"a": 10**5000}) == "(contains a number with too many digits to show)"


@pytest.mark.parametrize("kind", WORST)
def test_eight_times_as_much_takes_no_more_than_twice_its_share(kind: str) -> None:
    """What was quadratic would take 64 times as long."""
    little, much = (WORST[kind] * (size // len(WORST[kind])) for size in (1 << 13, 1 << 16))
    for name in ("safe", "typed", "source", "source, a key", "wrap"):
        assert _is_fast_enough(WAYS[name], much, 16 * _fewest(WAYS[name], little) + 0.01), name


@pytest.mark.parametrize("kind", WORST)
def test_what_is_read_takes_no_longer_than_its_bounds(kind: str) -> None:
    """Whatever is behind them costs next to nothing."""
    bound, more = (WORST[kind] * (size // len(WORST[kind])) for size in (MAX_TEXT_CHARS, 8 * MAX_TEXT_CHARS))
    for name in ("safe", "one_line", "one_line, cut", "named", "compact", "pretty", "wrap, cut"):
        assert _is_fast_enough(WAYS[name], more, 3 * _fewest(WAYS[name], bound) + 0.01), name


def _is_fast_enough(way: Callable[[str], str], raw: str, limit_s: float) -> bool:
    """Return True if the fewest processor seconds of some attempts are at most `limit_s`; stop at the first that is."""
    return any(_spent(way, raw) <= limit_s for _ in range(ATTEMPTS))


def _fewest(way: Callable[[str], str], raw: str) -> float:
    """Return the processor seconds of the fastest attempt: a machine has other work."""
    return min(_spent(way, raw) for _ in range(ATTEMPTS))


def _spent(way: Callable[[str], str], raw: str) -> float:
    """Return the processor seconds that one call takes."""
    before = time.process_time()
    way(raw)
    return time.process_time() - before


def test_spans() -> None:
    assert [format_age(n) for n in (-5, 0, 59, 60, 3_600, 90_000)] == ["0s", "0s", "59s", "1m", "1h", "1d"]
    assert [format_duration(n) for n in (None, 0, 999, 3_100, 125_000, 3_725_000)] == [
        "",
        "0ms",
        "999ms",
        "3.1s",
        "2m05s",
        "1h02m",
    ]
