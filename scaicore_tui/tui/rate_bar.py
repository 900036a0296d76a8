"""A bar of the rate on the main screen: the runs that started, or failed, in a column of time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.analysis.statistics.rates import Column, Rate
from scaicore_tui.timefmt import format_iso, format_span
from scaicore_tui.tui.render.rate_bars import LABEL_CELLS, WIDE_CELLS
from scaicore_tui.units import Micros


class RateBar(Struct, frozen=True):
    """The runs that started from `begin` to before `end`, or that failed then."""

    begin: Micros
    end: Micros
    is_failed: bool

    @property
    def query(self) -> str:
        """The query that finds its runs."""
        field, begin, end = "ended" if self.is_failed else "started", format_iso(self.begin), format_iso(self.end)
        return f"{'status:failed ' if self.is_failed else ''}{field}>={begin} {field}<{end}"

    def text(self, now: float) -> str:
        """Return what it is about in words."""
        return f"runs that {'failed' if self.is_failed else 'started'} {format_span(self.begin, self.end, now)}"


def bar_at(rate: Rate, line: int, cell: int, width: int) -> RateBar | None:
    """Return the bar at a cell of the lines of a rate that are `width` cells wide; None if there is none."""
    column, is_failed = cell - LABEL_CELLS, line > 0 or width < WIDE_CELLS
    if not 0 <= column < len(rate.columns) or not _count(rate.columns[column], is_failed=is_failed):
        return None
    return _bar(rate, column, is_failed=is_failed)


def next_bar(rate: Rate, bar: RateBar | None, step: int, width: int) -> RateBar | None:
    """Return the next bar before (`step` -1) or after (1) a bar; without one, the newest. None if there is none."""
    is_failed = width < WIDE_CELLS if bar is None else bar.is_failed
    columns = [number for number, each in enumerate(rate.columns) if _count(each, is_failed=is_failed)]
    if bar is not None:
        columns = [number for number in columns if (rate.columns[number].begin - bar.begin) * step > 0]
    return _bar(rate, _nearest(columns, step, bar), is_failed=is_failed) if columns else None


def marked_column(rate: Rate, bar: RateBar | None) -> int | None:
    """Return the number of the column that a bar is; None if it is none of them, or there is no bar."""
    found = (number for number, column in enumerate(rate.columns) if bar is not None and column.begin == bar.begin)
    return next(found, None)


def _nearest(columns: Sequence[int], step: int, bar: RateBar | None) -> int:
    return columns[0] if step > 0 and bar is not None else columns[-1]


def _count(column: Column, *, is_failed: bool) -> int:
    return column.failed if is_failed else column.runs


def _bar(rate: Rate, column: int, *, is_failed: bool) -> RateBar:
    begin = rate.columns[column].begin
    return RateBar(begin, begin + rate.width, is_failed)
