"""Terminal cells: the text and the SGR attributes of each, from Textual's strips. Pure.

No cell holds a control character, even if the strip does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from unicodedata import category

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.text import cell_width as cell_width
from scaicore_tui.text import replace_controls as replace_controls

SGR_RESET = "\x1b[m"
DEFAULT_FG, DEFAULT_BG = "39", "49"
_UNASSIGNED = "Cn"
# From here on Unicode has pictographs. Terminals disagree about the width of regional indicators and of those that are
# text by default.
_FIRST_PICTOGRAPH = "\U0001f000"
# The code that switches each attribute off. Some attributes share one.
_OFF_CODES = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "21": "24",
    "5": "25",
    "6": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "51": "54",
    "52": "54",
    "53": "55",
}
# Attributes that are visible on a blank: underline, reverse, strike, frame and overline.
_VISIBLE_ON_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})


class Sgr(NamedTuple):
    """The colours and attributes of a cell, as SGR parameters.

    `fg` is None for a blank with no visible attribute: any foreground colour looks the same.
    """

    fg: str | None
    bg: str
    attributes: frozenset[str] = frozenset()

    @property
    def is_blank(self) -> bool:
        """True if only the background is visible."""
        return self.fg is None

    def can_draw(self, other: Sgr) -> bool:
        """Return True if a cell with `other` looks the same when it is drawn with these parameters."""
        if other.fg is None and self.bg == other.bg and (self.fg is None or not self.attributes & _VISIBLE_ON_BLANKS):
            return True
        return self == other

    def for_blank(self) -> Sgr:
        """Return the parameters of a blank that is drawn with these."""
        return self if self.attributes & _VISIBLE_ON_BLANKS else Sgr(None, self.bg)


class Cell(NamedTuple):
    """One cell of the screen. The second cell of a wide character has an empty `text`."""

    text: str
    sgr: Sgr


def cells_of(strip: Strip, color_system: ColorSystem) -> Iterator[Cell]:
    """Return the cells of `strip`, from left to right."""
    for text, style, control in strip:
        if control is None:
            yield from _cells(text, style, color_system)


def is_wide(cell: Cell) -> bool:
    """Return True if the character of `cell` takes two cells."""
    return not cell.text.isascii() and cell_width(cell.text) > 1


def has_certain_width(text: str) -> bool:
    """Return True if all terminals give `text` the width that we give it.

    They do not agree about combined characters, pictographs, and characters that Unicode has not assigned yet.
    """
    if text.isascii():
        return True
    if len(text) > 1 or text >= _FIRST_PICTOGRAPH or category(text) == _UNASSIGNED:
        return False
    return cell_width(text) == 1 or "\u2e80" <= text <= "\uffe6"


@lru_cache(4096)
def sgr_of(style: Style | None, color_system: ColorSystem) -> Sgr:
    """Return the SGR parameters of `style`, in the colours of `color_system`. Hyperlinks are left out."""
    if style is None:
        return Sgr(DEFAULT_FG, DEFAULT_BG)
    fg, bg = _colours(style, color_system)
    attributes = Strip.render_ansi(style.without_color, color_system).split(";")
    return Sgr(fg, bg, frozenset(filter(None, attributes)))


def transition(old: Sgr | None, new: Sgr) -> tuple[str, Sgr]:
    """Return the shortest sequence from `old` (None: unknown) to `new`, and the state of the terminal after it.

    That state is not always `new`: a blank needs no foreground colour, so the old one stays.
    """
    from_reset = ";".join(["", *sorted(new.attributes), *_changed(DEFAULT_FG, new.fg), *_changed(DEFAULT_BG, new.bg)])
    after_reset = new._replace(fg=DEFAULT_FG if new.fg is None else new.fg)
    if old is None:
        return f"\x1b[{from_reset}m", after_reset
    ended = old.attributes - new.attributes if not new.is_blank else old.attributes & _VISIBLE_ON_BLANKS
    off_codes = {_OFF_CODES[code] for code in ended}
    kept = {code for code in old.attributes - ended if _OFF_CODES[code] not in off_codes}
    codes = [*sorted(off_codes), *sorted(new.attributes - kept), *_changed(old.fg, new.fg), *_changed(old.bg, new.bg)]
    if not codes:
        return "", Sgr(old.fg, new.bg, old.attributes)
    difference = ";".join(codes)
    if len(from_reset) < len(difference):
        return f"\x1b[{from_reset}m", after_reset
    return f"\x1b[{difference}m", Sgr(new.fg or old.fg, new.bg, frozenset(kept | new.attributes))


@lru_cache(2048)
def _cells(text: str, style: Style | None, color_system: ColorSystem) -> tuple[Cell, ...]:
    sgr = sgr_of(style, color_system)
    blank = sgr.for_blank()
    text = replace_controls(text)
    if text.isascii():
        return tuple(Cell(character, blank if character == " " else sgr) for character in text)
    cells: list[Cell] = []
    for grapheme in _graphemes(text):
        cells.append(Cell(grapheme, blank if grapheme == " " else sgr))
        cells += [Cell("", sgr)] * (cell_width(grapheme) - 1)
    return tuple(cells)


def _graphemes(text: str) -> list[str]:
    """Return each character with the zero-width characters behind it. Those at the beginning are dropped."""
    found: list[str] = []
    for character in text:
        if cell_width(character):
            found.append(character)
        elif found:
            found[-1] += character
    return found


def _changed(old: str | None, new: str | None) -> list[str]:
    return [] if new is None or new == old else [new]


def _colours(style: Style, color_system: ColorSystem) -> tuple[str, str]:
    fg, bg = style.color, style.bgcolor
    return (
        DEFAULT_FG if fg is None else ";".join(fg.downgrade(color_system).get_ansi_codes()),
        DEFAULT_BG if bg is None else ";".join(bg.downgrade(color_system).get_ansi_codes(foreground=False)),
    )
