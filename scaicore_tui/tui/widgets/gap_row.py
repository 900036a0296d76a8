"""A gap as a line between two runs. Pure."""

from __future__ import annotations

from scaicore_tui.runs import GapRow
from scaicore_tui.runs.status import GAP
from scaicore_tui.tui.paint import Piece


def gap_row(gap: GapRow, width: int, now: float) -> list[Piece]:
    """The line, `width` cells wide, at `now` in seconds since 1970; quieter while it is still being filled."""
    colour = "grey" if gap.is_open else GAP.colour
    sign = f"  {GAP.glyph} "
    return [(sign, colour), (gap.words(now, width - len(sign)), colour)]
