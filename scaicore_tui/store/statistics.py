"""Reads the statistics of a journal. Each method blocks: the app calls them in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from scaicore_tui.analysis.run_groups import ErrorGroup, error_groups
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
from scaicore_tui.units import Micros

Period = tuple[Micros, Micros]
_OF_CORE = "(? IS NULL OR core_id = ?)"
_STARTED = f"""SELECT (started_at - ?) / ?, count(*) FROM runs
WHERE started_at >= ? AND started_at < ? AND {_OF_CORE} GROUP BY 1"""  # noqa: S608  (constants)
_FAILED = f"""SELECT (ended_at - ?) / ?, count(*) FROM runs
WHERE status = 'failed' AND ended_at >= ? AND ended_at < ? AND {_OF_CORE} GROUP BY 1"""  # noqa: S608  (constants)
_NEWEST_FAILURE = f"""SELECT max(ended_at) FROM runs
WHERE status = 'failed' AND ended_at >= ? AND ended_at < ? AND {_OF_CORE}"""  # noqa: S608  (constants)
_DURATIONS = f"""SELECT (started_at - ?) / ?, duration_ms FROM runs
WHERE started_at >= ? AND started_at < ? AND duration_ms IS NOT NULL AND {_OF_CORE}"""  # noqa: S608  (constants)
_FAILED_RUNS = f"""SELECT summary FROM runs
WHERE status = 'failed' AND ended_at >= ? AND ended_at < ? AND {_OF_CORE}"""  # noqa: S608  (constants)
_STARTED_RUNS = f"""SELECT summary FROM runs
WHERE started_at >= ? AND started_at < ? AND {_OF_CORE} ORDER BY place DESC"""  # noqa: S608  (constants)
_CHANGED_RUNS = f"SELECT summary FROM runs WHERE changed_at >= ? AND {_OF_CORE}"  # noqa: S608  (constants)
_KNOWN_SINCE = """SELECT error_group, min(ended_at) FROM runs
WHERE error_group IS NOT NULL AND status = 'failed' AND ended_at IS NOT NULL GROUP BY error_group"""
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
        for summary in self._summaries(_CHANGED_RUNS, begin, core_id, core_id):
            key = summary.execution_id
            project(key, self._journal.reader.history(key), tally.add)
        return [row for row in exact_figures(tally, day) if core_id in (None, row.core_id)]

    def rate(self, period: Period, columns: int, core_id: str | None = None, *, with_durations: bool = False) -> Rate:
        """Return the runs that started in a period, and those that failed, in equal columns.

        Only `with_durations` the columns have a p95, which reads more.
        """
        begin, width = period[0], column_width(period, columns)
        bounds = (begin, begin + width * columns, core_id, core_id)
        durations = self._query(_DURATIONS, begin, width, *bounds) if with_durations else []
        return make_rate(
            period,
            columns,
            self._query(_STARTED, begin, width, *bounds),
            self._query(_FAILED, begin, width, *bounds),
            durations,
            self._query(_NEWEST_FAILURE, *bounds)[0][0],
        )

    def failures_by_cause(self, period: Period, core_id: str | None = None) -> list[ErrorGroup]:
        """Return the groups of the runs that failed in a period, the most frequent first."""
        failed = list(self._summaries(_FAILED_RUNS, *period, core_id, core_id))
        known = {decode_id(key): at for key, at in self._query(_KNOWN_SINCE)} if failed else {}
        return error_groups(failed, period, known)

    def variants(self, period: Period, core_id: str | None = None) -> list[Variant]:
        """Return the paths of the runs that started in a period and are over, by Core, the most frequent first."""
        return variants(self._summaries(_STARTED_RUNS, *period, core_id, core_id))

    def asked(self, since: Micros | None, now: Micros, core_id: str | None = None) -> list[Asked]:
        """Return the checkpoints that were pending at a poll, and created from `since` on, oldest first.

        When they were closed, the events of their runs tell: these are read, which may take long.
        """
        pending = {row.id for row in read_pending(self._journal.reader)}
        rows = map(read_asked, self._query(READ_ASKED, _BEFORE_ALL if since is None else since, core_id, core_id))
        return [self._closed(replace(asked, is_open=asked.id in pending), now) for asked in rows]

    def _closed(self, asked: Asked, now: Micros) -> Asked:
        key = asked.execution_id
        history = self._journal.reader.history(key) if key else ()
        return closed_by_events(asked, (event for _, event in history), now)

    def _summaries(self, query: str, *values: object) -> Iterator[Summary]:
        for (source,) in self._query(query, *values):
            try:
                yield decode_summary(source)
            except (ValueError, TypeError) as error:
                raise self._journal.damage_error() from error

    def _query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        encoded = [encode_id(value) if isinstance(value, str) else value for value in values]
        return self._journal.reader.query(query, *encoded)


def _day(since: Micros | None) -> int:
    """Return the day of a time; without one, a day before all."""
    return _BEFORE_ALL if since is None else since // DAY_MICROS
