"""Reads the statistics of a journal. Each method blocks: the app calls them in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from scaicore_tui.analysis.run_groups import (
    ErrorGroup,
    begin_of_day,
    make_error_group,
    middle_of,
    sort_groups,
)
from scaicore_tui.analysis.statistics.answers import Asked, closed_by_events
from scaicore_tui.analysis.statistics.figures import NodeFigures, exact_figures, node_figures
from scaicore_tui.analysis.statistics.paths import Variant, variants
from scaicore_tui.analysis.statistics.rates import Rate, column_width, make_rate
from scaicore_tui.analysis.statistics.tally import DAY_MICROS, Counts, Tally
from scaicore_tui.runs import Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.summary import decode_summary
from scaicore_tui.store.asked import READ_ASKED, read_asked
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.node_days import READ, sum_counts
from scaicore_tui.store.pending import read_pending
from scaicore_tui.store.stored_ids import decode_id, encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros

Period = tuple[Micros, Micros]
# Each query also exists for one Core. Indexes have all columns that are read, except of `summary` and `duration_ms`.
_STARTED = "SELECT (started_at - ?) / ?, count(*) FROM runs WHERE started_at >= ? AND started_at < ? {} GROUP BY 1"
_IN_PERIOD = "WHERE status = 'failed' AND ended_at >= ? AND ended_at < ? {}"
_FAILED = f"SELECT (ended_at - ?) / ?, count(*) FROM runs {_IN_PERIOD} GROUP BY 1"  # noqa: S608  (constants)
_NEWEST_FAILURE = f"SELECT max(ended_at) FROM runs {_IN_PERIOD}"  # noqa: S608  (constants)
_DURATIONS = """SELECT (started_at - ?) / ?, duration_ms FROM runs
WHERE started_at >= ? AND started_at < ? AND duration_ms IS NOT NULL {}"""
_CAUSES = f"""SELECT error_group, count(*), min(ended_at), count(*) FILTER (WHERE ended_at >= ?) FROM runs
{_IN_PERIOD} AND error_group IS NOT NULL GROUP BY 1"""  # noqa: S608  (constants)
_WITH_CAUSE = f"FROM runs {_IN_PERIOD} AND error_group IS NOT NULL"
_FAILED_BEFORE = "SELECT 1 FROM runs WHERE error_group = ? AND status = 'failed' AND ended_at < ? LIMIT 1"
_STARTED_RUNS = "SELECT summary FROM runs WHERE started_at >= ? AND started_at < ? {} ORDER BY place DESC LIMIT ?"
_CHANGED_RUNS = "SELECT summary FROM runs WHERE changed_at >= ? {}"
_OF_CORE = "AND core_id = ?"
# The newest runs tell which paths are usual; more would take longer.
MAX_PATH_RUNS = 5_000
_BEFORE_ALL = -(2**62)


class StoredStatistics:
    """The statistics in `journal`. A period is from one time to another, in microseconds since 1970."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def counts(self, since_day: int = _BEFORE_ALL) -> Counts:
        """Return what was counted of each node on each day from `since_day` (days since 1970) on."""
        rows = self._query(READ, since_day)
        try:
            counts = sum_counts(rows)
        except (ValueError, TypeError) as error:
            raise self._journal.damage_error() from error
        return {key: found for key, found in counts.items() if key.day >= since_day}

    def figures(self, since: Micros | None = None, core_id: str | None = None) -> list[NodeFigures]:
        """Return the figures of the nodes of a Core, or of all, from the day (UTC) of `since` on."""
        counts = self.counts(_day(since))
        return node_figures({key: found for key, found in counts.items() if core_id in (None, key.core_id)})

    def exact_figures(self, since: Micros | None = None, core_id: str | None = None) -> list[NodeFigures]:
        """Return the same, exact: from the events of all runs that are stored. That takes long."""
        tally, day = Tally(), _day(since)
        begin = max(day, _day(0)) * DAY_MICROS if since is not None else _BEFORE_ALL
        for summary in self._summaries(self._rows(_CHANGED_RUNS, core_id, begin)):
            key = summary.execution_id
            project(key, self._journal.reader.history(key), tally.add)
        return [row for row in exact_figures(tally, day) if core_id in (None, row.core_id)]

    def rate(self, period: Period, columns: int, core_id: str | None = None, *, with_durations: bool = False) -> Rate:
        """Return the runs that started in a period, and those that failed, in equal columns.

        Only `with_durations` the columns have a p95, which reads more.
        """
        begin, width = period[0], column_width(period, columns)
        bounds = (begin, begin + width * columns)
        durations = self._rows(_DURATIONS, core_id, begin, width, *bounds) if with_durations else []
        return make_rate(
            period,
            columns,
            self._rows(_STARTED, core_id, begin, width, *bounds),
            self._rows(_FAILED, core_id, begin, width, *bounds),
            durations,
            self._rows(_NEWEST_FAILURE, core_id, *bounds)[0][0],
        )

    def failures_by_cause(self, period: Period, core_id: str | None = None) -> list[ErrorGroup]:
        """Return the groups of the runs that failed in a period, the most frequent first."""
        of_each = self._journal.dialect.newest_of_each.format(group="error_group", source=_WITH_CAUSE)
        newest = {key: position for key, position, _ in self._rows(of_each, core_id, *period)}
        found = Summaries(self._journal.reader).at(list(newest.values()))
        summaries = {summary.position: summary for summary in found}
        groups = [
            make_error_group(decode_id(key), run, (first, run.ended_at), (count, late), period)
            for key, count, first, late in self._rows(_CAUSES, core_id, middle_of(period), *period)
            if key in newest and (run := summaries.get(newest[key])) is not None
        ]
        return sort_groups(
            replace(group, is_new=group.is_new and not self._is_known(group, period)) for group in groups
        )

    def _is_known(self, group: ErrorGroup, period: Period) -> bool:
        """Return whether such a failure is stored from a day before."""
        return bool(self._query(_FAILED_BEFORE, group.key, begin_of_day(period[1])))

    def variants(self, period: Period, core_id: str | None = None) -> list[Variant]:
        """Return the paths of the runs that started in a period and are over, by Core, the most frequent first.

        Only the newest MAX_PATH_RUNS runs are read.
        """
        return variants(self._summaries(self._rows(_STARTED_RUNS, core_id, *period, limit=MAX_PATH_RUNS)))

    def asked(self, since: Micros | None, now: Micros, core_id: str | None = None) -> list[Asked]:
        """Return the checkpoints that were pending at a poll, and created from `since` on, oldest first.

        When they were closed, the events of their runs tell: these are read, which may take long.
        """
        pending = {row.id for row in read_pending(self._journal.reader)}
        begin = _BEFORE_ALL if since is None else since
        rows = map(read_asked, self._rows(READ_ASKED, core_id, begin))
        return [self._closed(replace(asked, is_open=asked.id in pending), now) for asked in rows]

    def _closed(self, asked: Asked, now: Micros) -> Asked:
        key = asked.execution_id
        history = self._journal.reader.history(key) if key else ()
        return closed_by_events(asked, (event for _, event in history), now)

    def _summaries(self, rows: Iterable[tuple[bytes]]) -> Iterator[Summary]:
        for (source,) in rows:
            try:
                yield decode_summary(source)
            except (ValueError, TypeError) as error:
                raise self._journal.damage_error() from error

    def _rows(
        self, query: str, core_id: str | None, *values: object, limit: int | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query for all Cores, or for one."""
        of_core = () if core_id is None else (core_id,)
        limits = () if limit is None else (limit,)
        return self._query(query.format(_OF_CORE if of_core else ""), *values, *of_core, *limits)

    def _query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        encoded = [encode_id(value) if isinstance(value, str) else value for value in values]
        return self._journal.reader.query(query, *encoded)


def _day(since: Micros | None) -> int:
    """Return the day of a time; without one, a day before all."""
    return _BEFORE_ALL if since is None else since // DAY_MICROS
