"""Runs and failures over time, in columns of equal width, as a sparkline shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log

from msgspec import Struct

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.units import Micros

_P95 = 0.95
# Failures rise if there are MIN_FAILURES since some column, RISE_FACTOR times as often as before, and two rates explain
# all of them EVIDENCE times better than one rate does: in random failures without a change that is rare.
MIN_FAILURES, RISE_FACTOR, EVIDENCE = 5, 2, 1_000
# Before it, there must be so many runs: else it is unknown how often runs failed.
MIN_RUNS_BEFORE = 5


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


def rising_since(rate: Rate) -> Micros | None:
    """Return the time since which failures come much more often than before, and still do; None if they do not.

    The time from the first known run on is cut in two at each column. Before the cut there must be MIN_RUNS_BEFORE
    runs; since then MIN_FAILURES failures, at least RISE_FACTOR times as often as before (half a failure is added to
    those before: none at all is no proof that none can happen). The last third of the time since then must have them as
    often too. A rate before and another since must explain the failures EVIDENCE times better than one constant rate:
    the ratio of their likelihoods. Of several times, it is the one with the highest ratio.
    """
    first = next((index for index, column in enumerate(rate.columns) if column.runs), len(rate.columns))
    known = rate.columns[first:]
    best, found = log(EVIDENCE), None
    for cut in range(1, len(known)):
        evidence = _evidence(known[:cut], known[cut:])
        if evidence > best:
            best, found = evidence, known[cut].begin
    return found


def _evidence(before: Sequence[Column], since: Sequence[Column]) -> float:
    """Return the logarithm of that ratio of likelihoods; 0 if failures do not come more often since."""
    failed_before, failed_since = (sum(column.failed for column in part) for part in (before, since))
    often = RISE_FACTOR * (failed_before + 0.5) / len(before)
    recent = since[-max(1, len(since) // 3) :]
    goes_on = sum(column.failed for column in recent) >= often * len(recent)
    if failed_since < max(MIN_FAILURES, often * len(since)) or not goes_on:
        return 0.0
    if sum(column.runs for column in before) < MIN_RUNS_BEFORE:
        return 0.0
    one_rate = (failed_before + failed_since) / (len(before) + len(since))
    ratio = failed_since * log(failed_since / len(since) / one_rate)
    return ratio + (failed_before * log(failed_before / len(before) / one_rate) if failed_before else 0.0)
