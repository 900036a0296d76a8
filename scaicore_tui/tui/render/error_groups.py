"""The table of failures by their cause: how many, since when, where, and the error. Pure."""

from __future__ import annotations

from scaicore_tui.analysis.run_groups import ErrorGroup, Trend
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_time
from scaicore_tui.tui.render.line import Span, column, right_align
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.units import Micros

_COUNT_CELLS, _TREND_CELLS, _TIME_CELLS = 7, 3, 10
# Narrower tables have no time of the first failure, so that the error can be read.
MIN_WIDTH_WITH_FIRST_CELLS = 60
_MIN_WHERE_CELLS, _MAX_WHERE_CELLS = 14, 34
_TRENDS = {Trend.RISING: ("↑", "red"), Trend.STEADY: (" ", "text"), Trend.FALLING: ("↓", "grey")}
NEW = "new today "


def error_group_head(width: int) -> list[Span]:
    """Return the headings of `error_group_row`."""
    where = _where_cells(width)
    return [
        right_align("COUNT", _COUNT_CELLS, "grey"),
        column("", _TREND_CELLS, "grey"),
        *([column("FIRST", _TIME_CELLS, "grey")] if width >= MIN_WIDTH_WITH_FIRST_CELLS else []),
        column("LAST", _TIME_CELLS, "grey"),
        column("WHERE", where, "grey"),
        ("ERROR", "grey"),
    ]


def error_group_row(group: ErrorGroup, width: int, now: float) -> list[Span]:
    """Return the row of failures with one cause, at most `width` cells wide, at `now` in seconds since 1970.

    An arrow says that they come more or less often than in the first half of the period; the error is masked.
    """
    sign, colour = _TRENDS[group.trend]
    where = _where_cells(width)
    core = where * 3 // 5
    has_first = width >= MIN_WIDTH_WITH_FIRST_CELLS
    row = [
        right_align(str(group.count), _COUNT_CELLS, "text strong"),
        column(f" {sign}", _TREND_CELLS, colour),
        *([column(_time(group.first_at, now), _TIME_CELLS, "grey")] if has_first else []),
        column(_time(group.last_at, now), _TIME_CELLS, "text"),
        column(one_line(core_name(group.core_id), core - 1), core, "text"),
        column(one_line(group.node_id or "", where - core - 1), where - core, "text"),
    ]
    left = width - _fixed_cells(width) - where
    if group.is_new and left > 3 * len(NEW):
        row.append((NEW, "amber"))
        left -= len(NEW)
    if left > 0:
        row.append((one_line(group.error, left), "red"))
    return row


def _fixed_cells(width: int) -> int:
    return _COUNT_CELLS + _TREND_CELLS + _TIME_CELLS * (2 if width >= MIN_WIDTH_WITH_FIRST_CELLS else 1)


def _where_cells(width: int) -> int:
    return max(_MIN_WHERE_CELLS, min(_MAX_WHERE_CELLS, (width - _fixed_cells(width)) * 2 // 5))


def _time(at: Micros | None, now: float) -> str:
    """Return a time of today as `04:08:31`, or the month and day of another."""
    text = format_time(at, now).removesuffix("Z")
    return text.split(" ")[0]
