"""What a terminal shows after our updates is what it shows after Textual's own, which are longer."""

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

from scaicore_tui.text import cells, one_line, safe
from scaicore_tui.tui.terminal.cells import is_certain
from scaicore_tui.tui.terminal.memory import ScreenMemory
from scaicore_tui.tui.terminal.patches import patches
from scaicore_tui.tui.terminal.pens import Pen, switch
from scaicore_tui.tui.terminal.permitted import permitted
from scaicore_tui.tui.terminal.strokes import travel

SIZE = Size(12, 4)
CONSOLE = Console(color_system="truecolor", force_terminal=True)
DEPTH = ColorSystem.TRUECOLOR
GROUND = Style.parse("#d5dae3 on #10141b")
STYLES = [
    GROUND,
    Style.parse("bold #b79cff on #10141b"),
    Style.parse("#8c96a6 on #1b222d"),
    Style.parse("italic underline #8c96a6 on #1b222d"),
    Style.parse("reverse red on #10141b"),
    Style.parse("bold strike green on default"),
    Style.parse("default on default"),
]
SIGNS = ["a", "b", "7", " ", " ", "   ", "›", "●", "日", "🙂", "e\u0301", "word"]

Update = LayoutUpdate | ChopsUpdate
pieces = st.lists(st.tuples(st.sampled_from(SIGNS), st.sampled_from(STYLES)), max_size=10)


def line(drawn: Sequence[tuple[str, Style]], width: int) -> Strip:
    return Strip([Segment(text, style) for text, style in drawn]).adjust_cell_length(width, GROUND)


@st.composite
def parts(draw: st.DrawFn) -> ChopsUpdate:
    """Some spans of some lines, each line cut in two where widgets stand side by side."""
    cut = draw(st.integers(1, SIZE.width - 1))
    chops: list[dict[int, Strip | None]] = []
    spans = []
    for y in range(SIZE.height):
        left, right = line(draw(pieces), cut), line(draw(pieces), SIZE.width - cut)
        chops.append({0: left, cut: right})
        begin = draw(st.integers(0, SIZE.width - 1))
        if y == 0 or draw(st.booleans()):
            spans.append((y, begin, draw(st.integers(begin + 1, SIZE.width))))
    return ChopsUpdate(chops, spans, [[cut, SIZE.width]] * SIZE.height)


@st.composite
def whole(draw: st.DrawFn) -> LayoutUpdate:
    """All of the screen."""
    return LayoutUpdate([[line(draw(pieces), SIZE.width)] for _ in range(SIZE.height)], Region(0, 0, *SIZE))


class Terminal:
    """Reads what is written to it."""

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
        """What is to be seen: of a blank its ground, unless it is drawn on."""
        return [[seen(self._screen.buffer[y][x]) for x in range(SIZE.width)] for y in range(SIZE.height)]


def seen(cell: pyte.screens.Char) -> object:
    if cell.data != " " or cell.reverse or cell.underscore or cell.strikethrough:
        return cell
    return cell.bg


def told(memory: ScreenMemory, update: Update) -> str:
    return memory.paint(patches(update), SIZE, DEPTH)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=30), min_size=1, max_size=4))
def test_no_control_sign_is_painted_whoever_made_the_strip(raw: list[str]) -> None:
    """Text that went round `text.py`, with a link and all that a style can hold."""
    style = Style.parse("bold red on #10141b link https://example.com/\x1b]52;c;aGk=\x07")
    strips = [Strip([Segment(text, style)]) for text in raw] * SIZE.height
    written = told(ScreenMemory(), LayoutUpdate([iter([strip]) for strip in strips], Region(0, 0, *SIZE)))
    left = re.sub(r"\x1b\[[\d;]*[mH]", "", written)
    assert left.isprintable() or not any(category(sign) in ("Cc", "Cf", "Cs") for sign in left)
    assert permitted(written) == written


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_whatever_a_text_holds_what_stands_behind_it_stays_in_place(raw: str) -> None:
    """Terminals give some signs more cells than we do, or fewer."""
    memory, terminal = ScreenMemory(), Terminal()
    words = Strip([Segment(one_line(raw, 8), GROUND)]).adjust_cell_length(8, GROUND)
    row = iter([words, line([("here", STYLES[1])], 4)])
    terminal.write(told(memory, LayoutUpdate([row], Region(0, 0, *SIZE))))
    assert [cell.data for cell in terminal.cells()[0][8:] if isinstance(cell, pyte.screens.Char)] == list("here")


def test_signs_whose_width_is_certain_have_it_in_other_tables_too() -> None:
    """Behind any other sign the cursor is put where it belongs."""
    signs = (chr(code) for code in range(0x20, 0x110000))
    certain = [sign for sign in signs if is_certain(sign) and safe(sign) == sign]
    assert len(certain) > 50_000
    assert [sign for sign in certain if wcwidth(sign) != cells(sign)] == []


@pytest.mark.parametrize(
    "text", ["", "plain ● text", "\x1b[;38;5;1m\x1b[4;1Ha\b", "\x1b[?2026h…\x1b[?2026l", "\x1b]52;c;aGk=\x07"]
)
def test_what_is_ours_is_permitted(text: str) -> None:
    assert permitted(text) == text


PLACES = st.tuples(st.integers(0, 300), st.integers(0, 100))


@given(PLACES, PLACES)
def test_every_way_of_the_cursor_is_permitted(begin: tuple[int, int], end: tuple[int, int]) -> None:
    assert permitted(travel(begin, end)) == travel(begin, end)


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
def test_what_is_not_ours_does_not_leave(text: str, left: str) -> None:
    assert permitted(text) == left


@given(whole(), st.lists(parts() | whole(), min_size=1, max_size=6))
def test_a_terminal_shows_the_same(first: LayoutUpdate, updates: list[Update]) -> None:
    memory, ours, theirs = ScreenMemory(), Terminal(), Terminal()
    for update in [first, *updates]:
        theirs.write(update.render_segments(CONSOLE))
        ours.write(told(memory, update))
        assert ours.cells() == theirs.cells()


@given(whole(), parts() | whole())
def test_it_writes_less(first: LayoutUpdate, update: Update) -> None:
    memory = ScreenMemory()
    for one in (first, update):
        assert len(told(memory, one)) <= len(one.render_segments(CONSOLE))


@given(whole())
def test_nothing_is_written_twice_but_to_a_terminal_that_was_forgotten(update: LayoutUpdate) -> None:
    memory = ScreenMemory()
    first = told(memory, update)
    assert told(memory, update) == ""
    memory.forget()
    assert memory.is_blank
    assert told(memory, update) == first


def test_an_age_that_grows_costs_two_bytes() -> None:
    memory = ScreenMemory()
    words = [line([(f"live {seconds}s", STYLES[1])], SIZE.width) for seconds in range(3)]
    screens = [LayoutUpdate([[word] for word in (first, *words[:1] * 3)], Region(0, 0, *SIZE)) for first in words]
    told(memory, screens[0])
    assert told(memory, screens[1]).endswith("\x1b[1;6H1")
    assert told(memory, screens[2]) == "\b2"


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
def test_the_cursor_goes_the_short_way(at: tuple[int, int] | None, to: tuple[int, int], sequence: str) -> None:
    assert travel(at, to) == sequence


places = st.tuples(st.integers(0, SIZE.width - 1), st.integers(0, SIZE.height - 1))


@given(st.none() | places, places, st.booleans())
def test_the_cursor_gets_there_whatever_a_line_feed_does(
    at: tuple[int, int] | None, to: tuple[int, int], returns: bool
) -> None:
    terminal = Terminal(newline_returns=returns)
    if at is not None:
        terminal.write(travel(None, at))
    terminal.write(travel(at, to))
    assert terminal.cursor == to


def test_colours_change_by_what_differs() -> None:
    plain, bold = Pen("38;5;1", "48;5;2"), Pen("38;5;1", "48;5;2", frozenset({"1"}))
    assert switch(None, plain) == ("\x1b[;38;5;1;48;5;2m", plain)
    assert switch(plain, bold) == ("\x1b[1m", bold)
    assert switch(bold, plain) == ("\x1b[22m", plain)
    assert switch(bold, Pen(None, "48;5;2")) == ("", bold)
    assert switch(bold, Pen("39", "49")) == ("\x1b[m", Pen("39", "49"))
