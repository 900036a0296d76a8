"""Runs and failures over time, in columns of equal width, as a sparkline shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.units import Micros

_P95 = 0.95


class Column(Struct, frozen=True):
    """The runs that started, and those that failed, from `begin` to the next column.

    `p95_ms` is exact, over the durations of those that started in it and have ended; None if there are none.
    """

    begin: Micros
    runs: int = 0
    failed: int = 0
    p95_ms: float | None = None


class Rate(Struct, frozen=True):
    """Columns of `width` microseconds each, oldest first, up to `end`.

    `newest_failure_at` is the time of the newest failure in them; None if there is none.
    """

    end: Micros
    width: Micros
    columns: Sequence[Column]
    newest_failure_at: Micros | None = None

    @property
    def begin(self) -> Micros:
        return self.end - self.width * len(self.columns)

    @property
    def runs(self) -> int:
        """The number of runs that started in the whole period."""
        return sum(column.runs for column in self.columns)

    @property
    def failed(self) -> int:
        """The number of runs that failed in the whole period."""
        return sum(column.failed for column in self.columns)


def make_rate(
    period: tuple[Micros, Micros],
    columns: int,
    started: Iterable[tuple[int, int]],
    failed: Iterable[tuple[int, int]],
    durations: Iterable[tuple[int, float]] = (),
    newest_failure_at: Micros | None = None,
) -> Rate:
    """Return the rate in a period: from its begin to its end. The lists have the index of a column, and a value.

    `started` and `failed` have counts, `durations` the milliseconds of each run. Indexes outside are left out.
    """
    begin, width = period[0], column_width(period, columns)
    runs, failures, spans = [0] * columns, [0] * columns, [list[float]() for _ in range(columns)]
    for target, found in ((runs, started), (failures, failed)):
        for index, count in found:
            if 0 <= index < columns:
                target[index] += count
    for index, duration in durations:
        if 0 <= index < columns:
            spans[index].append(duration)
    rows = [
        Column(begin + index * width, runs[index], failures[index], exact_quantile(spans[index], _P95))
        for index in range(columns)
    ]
    return Rate(begin + columns * width, width, rows, newest_failure_at)


def column_width(period: tuple[Micros, Micros], columns: int) -> Micros:
    """Return the width of a column: so that all of them reach to the end of the period, or a little further."""
    begin, end = period
    return max(1, -(-(end - begin) // columns))
