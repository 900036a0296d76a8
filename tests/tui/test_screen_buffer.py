"""The screen buffer: our updates make a terminal show the same as Textual's, with fewer bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import category

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip
from wcwidth import wcwidth

from scaicore_tui.text import cell_width, one_line, sanitize
from scaicore_tui.tui.terminal.cells import Sgr, has_certain_width, transition
from scaicore_tui.tui.terminal.escape_filter import filter_escapes
from scaicore_tui.tui.terminal.screen_buffer import ScreenBuffer, compositor_updates
from scaicore_tui.tui.terminal.writer import cursor_move

SIZE = Size(12, 4)
CONSOLE = Console(color_system="truecolor", force_terminal=True)
DEPTH = ColorSystem.TRUECOLOR
BACKGROUND = Style.parse("#d5dae3 on #10141b")
STYLES = [
    BACKGROUND,
    Style.parse("bold #b79cff on #10141b"),
    Style.parse("#8c96a6 on #1b222d"),
    Style.parse("italic underline #8c96a6 on #1b222d"),
    Style.parse("reverse red on #10141b"),
    Style.parse("bold strike green on default"),
    Style.parse("default on default"),
]
CHARACTERS = ["a", "b", "7", " ", " ", "   ", "›", "●", "日", "🙂", "e\u0301", "word"]

Update = LayoutUpdate | ChopsUpdate
styled_text = st.lists(st.tuples(st.sampled_from(CHARACTERS), st.sampled_from(STYLES)), max_size=10)


def line(drawn: Sequence[tuple[str, Style]], width: int) -> Strip:
    return Strip([Segment(text, style) for text, style in drawn]).adjust_cell_length(width, BACKGROUND)


@st.composite
def changed_parts(draw: st.DrawFn) -> ChopsUpdate:
    """Draw an update of some spans. Each line is split in two, as by widgets side by side."""
    cut = draw(st.integers(1, SIZE.width - 1))
    chops: list[dict[int, Strip | None]] = []
    spans = []
    for y in range(SIZE.height):
        left, right = line(draw(styled_text), cut), line(draw(styled_text), SIZE.width - cut)
        chops.append({0: left, cut: right})
        begin = draw(st.integers(0, SIZE.width - 1))
        if y == 0 or draw(st.booleans()):
            spans.append((y, begin, draw(st.integers(begin + 1, SIZE.width))))
    return ChopsUpdate(chops, spans, [[cut, SIZE.width]] * SIZE.height)


@st.composite
def whole_screen(draw: st.DrawFn) -> LayoutUpdate:
    """Draw an update of the whole screen."""
    return LayoutUpdate([[line(draw(styled_text), SIZE.width)] for _ in range(SIZE.height)], Region(0, 0, *SIZE))


class Terminal:
    """A terminal emulator."""

    def __init__(self, *, newline_returns: bool = False) -> None:
        self._screen = pyte.Screen(SIZE.width, SIZE.height)
        self._screen.reset_mode(pyte.modes.DECAWM >> 5, private=True)
        if newline_returns:
            self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self._screen)

    def write(self, text: str) -> None:
        self._stream.feed(text)

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.x, self._screen.cursor.y

    def cells(self) -> list[list[object]]:
        """Return the visible state of each cell: of a plain blank, only the background."""
        return [[visible(self._screen.buffer[y][x]) for x in range(SIZE.width)] for y in range(SIZE.height)]


def visible(cell: pyte.screens.Char) -> object:
    if cell.data != " " or cell.reverse or cell.underscore or cell.strikethrough:
        return cell
    return cell.bg


def draw(buffer: ScreenBuffer, update: Update) -> str:
    return buffer.draw(compositor_updates(update), SIZE, DEPTH)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=30), min_size=1, max_size=4))
def test_no_control_character_of_a_strip_is_drawn(raw: list[str]) -> None:
    """Text that was not sanitized, with a hyperlink and everything else that a style can have."""
    style = Style.parse("bold red on #10141b link https://example.com/\x1b]52;c;aGk=\x07")
    strips = [Strip([Segment(text, style)]) for text in raw] * SIZE.height
    written = draw(ScreenBuffer(), LayoutUpdate([iter([strip]) for strip in strips], Region(0, 0, *SIZE)))
    text = re.sub(r"\x1b\[[\d;]*[mH]", "", written)
    assert text.isprintable() or not any(category(character) in ("Cc", "Cf", "Cs") for character in text)
    assert filter_escapes(written) == written


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_text_of_any_width_does_not_move_the_text_after_it(raw: str) -> None:
    """Terminals give some characters more cells than we do, or fewer."""
    buffer, terminal = ScreenBuffer(), Terminal()
    text = Strip([Segment(one_line(raw, 8), BACKGROUND)]).adjust_cell_length(8, BACKGROUND)
    row = iter([text, line([("here", STYLES[1])], 4)])
    terminal.write(draw(buffer, LayoutUpdate([row], Region(0, 0, *SIZE))))
    assert [cell.data for cell in terminal.cells()[0][8:] if isinstance(cell, pyte.screens.Char)] == list("here")


def test_certain_widths_are_the_same_in_another_table() -> None:
    """After all other characters the cursor is moved explicitly."""
    characters = (chr(code) for code in range(0x20, 0x110000))
    certain = [
        character for character in characters if sanitize(character) == character and has_certain_width(character)
    ]
    assert len(certain) > 50_000
    assert [character for character in certain if wcwidth(character) != cell_width(character)] == []


@pytest.mark.parametrize(
    "text", ["", "plain ● text", "\x1b[;38;5;1m\x1b[4;1Ha\b", "\x1b[?2026h…\x1b[?2026l", "\x1b]52;c;aGk=\x07"]
)
def test_our_own_sequences_are_kept(text: str) -> None:
    assert filter_escapes(text) == text


POSITIONS = st.tuples(st.integers(0, 300), st.integers(0, 100))


@given(POSITIONS, POSITIONS)
def test_every_cursor_movement_is_kept(begin: tuple[int, int], end: tuple[int, int]) -> None:
    assert filter_escapes(cursor_move(begin, end)) == cursor_move(begin, end)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b]0;owned\x07b", "a]0;ownedb"),
        ("\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\", "]8;;https://example.com\\here]8;;\\"),
        ("\x1b]52;c;?\x07", "]52;c;?"),
        ("\x1b]52;p;aGk=\x07", "]52;p;aGk="),
        ("\x1b[6n\x1b[c\x1b[?47h\x1b[2J\x1bc", "[6n[c[?47h[2Jc"),
        ("\x1bP$qm\x1b\\\x1b_Gi=1\x1b\\", "P$qm\\_Gi=1\\"),
        ("\x1bP+q544e\x1b\\\x1bPqAA\x1b\\", "P+q544e\\PqAA\\"),
        ("\x9b2J\x9d0;x\x9c\x84", "2J0;x"),
        ("a\nb\rc\td\x07\x7f\0", "abcd"),
        ("\ud800x", "x"),
    ],
)
def test_all_other_sequences_are_removed(text: str, left: str) -> None:
    assert filter_escapes(text) == left


@given(whole_screen(), st.lists(changed_parts() | whole_screen(), min_size=1, max_size=6))
def test_the_screen_is_the_same_as_with_textuals_drawing(first: LayoutUpdate, updates: list[Update]) -> None:
    buffer, ours, theirs = ScreenBuffer(), Terminal(), Terminal()
    for update in [first, *updates]:
        theirs.write(update.render_segments(CONSOLE))
        ours.write(draw(buffer, update))
        assert ours.cells() == theirs.cells()


@given(whole_screen(), changed_parts() | whole_screen())
def test_updates_are_not_longer_than_textuals(first: LayoutUpdate, update: Update) -> None:
    buffer = ScreenBuffer()
    for each in (first, update):
        assert len(draw(buffer, each)) <= len(each.render_segments(CONSOLE))


@given(whole_screen())
def test_an_update_is_written_again_only_after_forget(update: LayoutUpdate) -> None:
    buffer = ScreenBuffer()
    first = draw(buffer, update)
    assert draw(buffer, update) == ""
    buffer.forget()
    assert buffer.is_unknown
    assert draw(buffer, update) == first


def test_one_changed_digit_costs_two_bytes() -> None:
    buffer = ScreenBuffer()
    strips = [line([(f"live {seconds}s", STYLES[1])], SIZE.width) for seconds in range(3)]
    screens = [LayoutUpdate([[strip] for strip in (first, *strips[:1] * 3)], Region(0, 0, *SIZE)) for first in strips]
    draw(buffer, screens[0])
    assert draw(buffer, screens[1]).endswith("\x1b[1;6H1")
    assert draw(buffer, screens[2]) == "\b2"


@pytest.mark.parametrize(
    ("at", "to", "sequence"),
    [
        (None, (0, 0), "\x1b[1H"),
        ((7, 3), (7, 3), ""),
        ((7, 3), (5, 3), "\b\b"),
        ((7, 3), (0, 3), "\x1b[G"),
        ((7, 3), (0, 0), "\x1b[1H"),
        ((7, 13), (2, 13), "\x1b[5D"),
        ((7, 3), (17, 3), "\x1b[10C"),
        ((7, 3), (7, 4), "\x1b[B"),
        ((7, 3), (7, 1), "\x1b[2A"),
        ((7, 3), (9, 9), "\x1b[10;10H"),
        ((17, 13), (9, 14), "\v\x1b[10G"),
        ((17, 8), (9, 10), "\v\v\x1b[10G"),
        ((17, 13), (0, 14), "\v\x1b[G"),
        ((7, 3), (9, 2), "\x1b[3;10H"),
    ],
)
def test_the_shortest_cursor_movement_is_used(at: tuple[int, int] | None, to: tuple[int, int], sequence: str) -> None:
    assert cursor_move(at, to) == sequence


on_screen = st.tuples(st.integers(0, SIZE.width - 1), st.integers(0, SIZE.height - 1))


@given(st.none() | on_screen, on_screen, st.booleans())
def test_cursor_movement_works_with_both_kinds_of_line_feed(
    at: tuple[int, int] | None, to: tuple[int, int], returns: bool
) -> None:
    terminal = Terminal(newline_returns=returns)
    if at is not None:
        terminal.write(cursor_move(None, at))
    terminal.write(cursor_move(at, to))
    assert terminal.cursor == to


def test_only_the_changed_attributes_are_written() -> None:
    plain, bold = Sgr("38;5;1", "48;5;2"), Sgr("38;5;1", "48;5;2", frozenset({"1"}))
    assert transition(None, plain) == ("\x1b[;38;5;1;48;5;2m", plain)
    assert transition(plain, bold) == ("\x1b[1m", bold)
    assert transition(bold, plain) == ("\x1b[22m", plain)
    assert transition(bold, Sgr(None, "48;5;2")) == ("", bold)
    assert transition(bold, Sgr("39", "49")) == ("\x1b[m", Sgr("39", "49"))
