"""Pens: colours and attributes as a terminal has them, and the shortest sequence from one to another. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

RESET = "\x1b[m"
_DEFAULT_FG, _DEFAULT_BG = "39", "49"
# What ends each attribute; some share an ending.
_ENDS = {
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
# Attributes that show where there is no sign, too.
_ON_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})


class Pen(NamedTuple):
    """How a cell is drawn, as parameters of SGR. A blank that shows nothing but its ground has no `fg`."""

    fg: str | None
    bg: str
    on: frozenset[str] = frozenset()

    @property
    def is_ground(self) -> bool:
        """Whether it draws nothing but ground: blanks."""
        return self.fg is None

    def draws(self, other: Pen) -> bool:
        """Whether what `other` draws looks the same drawn with this one."""
        return self == other or (other.is_ground and self.bg == other.bg and self.ground().is_ground)

    def ground(self) -> Pen:
        """The pen of a blank that this one leaves."""
        return self if self.on & _ON_BLANKS else Pen(None, self.bg)


@lru_cache(4096)
def pen_of(style: Style | None, depth: ColorSystem) -> Pen:
    """The pen of a style, in as many colours as there are. A link is no part of it: we make none, others may not."""
    if style is None:
        return Pen(_DEFAULT_FG, _DEFAULT_BG)
    fg, bg = _colours(style, depth)
    bare = style.without_color
    on = frozenset(filter(None, Strip.render_ansi(bare, depth).split(";")))
    return Pen(fg, bg, on)


def switch(old: Pen | None, new: Pen) -> tuple[str, Pen]:
    """The shortest sequence from one pen to another, and the pen that the terminal has then; None is unknown."""
    whole = ";".join(["", *sorted(new.on), *_changed(_DEFAULT_FG, new.fg), *_changed(_DEFAULT_BG, new.bg)])
    fresh = new._replace(fg=_DEFAULT_FG if new.fg is None else new.fg)
    if old is None:
        return f"\x1b[{whole}m", fresh
    ended = old.on - new.on if not new.is_ground else old.on & _ON_BLANKS
    ends = {_ENDS[code] for code in ended}
    kept = {code for code in old.on - ended if _ENDS[code] not in ends}
    parts = [*sorted(ends), *sorted(new.on - kept), *_changed(old.fg, new.fg), *_changed(old.bg, new.bg)]
    if not parts:
        return "", Pen(old.fg, new.bg, old.on)
    step = ";".join(parts)
    if len(whole) < len(step):
        return f"\x1b[{whole}m", fresh
    return f"\x1b[{step}m", Pen(new.fg or old.fg, new.bg, frozenset(kept | new.on))


def _changed(old: str | None, new: str | None) -> list[str]:
    return [] if new is None or new == old else [new]


def _colours(style: Style, depth: ColorSystem) -> tuple[str, str]:
    fg, bg = style.color, style.bgcolor
    return (
        _DEFAULT_FG if fg is None else ";".join(fg.downgrade(depth).get_ansi_codes()),
        _DEFAULT_BG if bg is None else ";".join(bg.downgrade(depth).get_ansi_codes(foreground=False)),
    )
