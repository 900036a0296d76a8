"""The options of a checkpoint on as few lines as possible, and where each of them stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.protocol import Option
from scaicore_tui.text import cell_width, display_name
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.line import CURSOR, Span

# Those with a digit.
MAX_OPTIONS = 9
MAX_OPTION_CELLS = 40
GAP_CELLS = 2


class OptionSpot(Struct, frozen=True):
    """The position of an option: its line, and its first and last cell."""

    index: int
    line: int
    first: int
    last: int


class OptionLines(Struct, frozen=True):
    """Lines of options, and where each stands."""

    lines: tuple[list[Span], ...] = ()
    spots: tuple[OptionSpot, ...] = ()

    def option_at(self, line: int, cell: int) -> int | None:
        """Return the index of the option at a cell of a line."""
        found = (spot.index for spot in self.spots if spot.line == line and spot.first <= cell <= spot.last)
        return next(found, None)


def option_lines(options: Sequence[Option], chosen: str | None, width: int, end: str = "") -> OptionLines:
    """Return `1 Approve  2 Reject …`; the `chosen` id is marked. `end` follows if it fits on the last line."""
    lines: list[list[Span]] = [[]]
    spots: list[OptionSpot] = []
    used = 0
    for index, option in enumerate(options[:MAX_OPTIONS]):
        is_chosen = option.id == chosen
        name = display_name(option.name, min(MAX_OPTION_CELLS, max(4, width - 4)))
        cells = cell_width(name) + 3
        if used and used + cells > width:
            lines.append([])
            used = 0
        colour = "accent strong" if is_chosen else "text"
        lines[-1] += [(f"{CURSOR if is_chosen else ' '}{index + 1} ", "accent strong"), (name, colour)]
        spots.append(OptionSpot(index, len(lines) - 1, used, used + cells - 1))
        lines[-1].append((" " * GAP_CELLS, "text"))
        used += cells + GAP_CELLS
    if len(options) > MAX_OPTIONS:
        end = f"{key_name('answer', KeyContext.INBOX)}: {len(options) - MAX_OPTIONS} more   {end}"
    if end and used + cell_width(end) + 1 <= width:
        lines[-1].append((f" {end}", "grey"))
    return OptionLines(tuple(lines), tuple(spots))
