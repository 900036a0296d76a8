"""Groups of runs: failures by their cause, and all runs by Core, status or node. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.error_groups import error_group_key, masked, split_code
from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.units import Micros

_P95 = 0.95
# Fewer failures more or less are chance.
MIN_TREND_FAILURES = 3
_DAY = 86_400 * 10**6


class Trend(StrEnum):
    """How the second half of a period compares with the first: more, as many, or fewer failures."""

    RISING = "rising"
    STEADY = "steady"
    FALLING = "falling"


class ErrorGroup(Struct, frozen=True):
    """Failed runs of one Core with the same cause: the same node, and the same error but for numbers, ids and quotes.

    Attributes:
        code: the error code with which the text begins; None without one. `text` is what follows, masked.
        first_at, last_at: when the first and the last of them failed; None if unknown.
        is_new: the journal has no such failure from before the period, nor from before this day (UTC).
        example: the id of the run that failed last.
    """

    core_id: str | None
    node_id: str | None
    code: str | None
    text: str
    count: int
    first_at: Micros | None
    last_at: Micros | None
    trend: Trend
    is_new: bool
    example: str
    key: str

    @property
    def error(self) -> str:
        """Code and text."""
        return f"{self.code}: {self.text}" if self.code else self.text


class RunGroup(Struct, frozen=True):
    """Runs with the same `value` of a field; p95 is exact, over the runs whose duration is known.

    `core_id` is the Core of a node, or the Core itself; None for a status.
    """

    core_id: str | None
    value: str | None
    count: int
    failed: int
    p95_ms: float | None
    last_at: Micros | None
    example: str


def error_groups(runs: Iterable[Summary], period: tuple[Micros, Micros]) -> list[ErrorGroup]:
    """Group failed runs, given in any order, by their cause: the most frequent first.

    `period` is what they were selected by, for the trend. Whether a group is new is decided by these runs alone.
    """
    groups: dict[str, list[Summary]] = {}
    for run in runs:
        key = error_group_key(run)
        if run.outcome is RunStatus.FAILED and key is not None:
            groups.setdefault(key, []).append(run)
    return sort_groups(_error_group(key, members, period) for key, members in groups.items())


def sort_groups(groups: Iterable[ErrorGroup]) -> list[ErrorGroup]:
    """Return error groups, the most frequent first; of equal ones, that which failed last."""
    return sorted(groups, key=lambda group: (-group.count, -(group.last_at or 0), group.key))


def make_error_group(
    key: str,
    newest: Summary,
    times: tuple[Micros | None, Micros | None],
    counts: tuple[int, int],
    period: tuple[Micros, Micros],
) -> ErrorGroup:
    """Return the group with that key of `error_group_key`.

    `newest` is the run that failed last. `times` are those of the first and the last failure, `counts` how many there
    are in all, and in the second half of the period.
    """
    code, text = split_code(newest.error or "")
    first, last = times
    return ErrorGroup(
        core_id=newest.core_id,
        node_id=newest.failed_node,
        code=code,
        text=masked(text),
        count=counts[0],
        first_at=first,
        last_at=last,
        trend=trend_of(counts[0] - counts[1], counts[1]),
        is_new=first is not None and first >= begin_of_day(period[1]),
        example=newest.execution_id,
        key=key,
    )


def middle_of(period: tuple[Micros, Micros]) -> Micros:
    """Return the time at which the second half of a period begins."""
    return (period[0] + period[1]) // 2


def begin_of_day(at: Micros) -> Micros:
    """Return the time at which the day (UTC) of `at` began."""
    return at - at % _DAY


def group_runs(runs: Iterable[Summary], field: str) -> list[RunGroup]:
    """Group runs, given newest first, by `core`, `status` or `node`: the most frequent first.

    A run is in the group of each node of its Core that it entered.
    """
    groups: dict[tuple[str | None, str | None], list[Summary]] = {}
    for run in runs:
        for key in _keys(run, field):
            groups.setdefault(key, []).append(run)
    found = [_run_group(core_id, value, members) for (core_id, value), members in groups.items()]
    return sorted(found, key=lambda group: (-group.count, group.core_id or "", group.value or ""))


def trend_of(early: int, late: int) -> Trend:
    """Return the trend of failures in the halves of a period: at least twice as many, and MIN_TREND_FAILURES more."""
    if late >= max(2 * early, early + MIN_TREND_FAILURES):
        return Trend.RISING
    return Trend.FALLING if early >= max(2 * late, late + MIN_TREND_FAILURES) else Trend.STEADY


def _error_group(key: str, runs: Sequence[Summary], period: tuple[Micros, Micros]) -> ErrorGroup:
    newest = max(runs, key=lambda run: (run.ended_at or 0, run.position))
    times = [run.ended_at for run in runs if run.ended_at is not None]
    late = sum(at >= middle_of(period) for at in times)
    return make_error_group(
        key, newest, (min(times, default=None), max(times, default=None)), (len(runs), late), period
    )


def _keys(run: Summary, field: str) -> Sequence[tuple[str | None, str | None]]:
    """Return the Core and the value of each group that a run is in."""
    if field == "node":
        return [(run.core_id, node) for node in dict.fromkeys(run.node_ids) if node is not None]
    return [(run.core_id, run.core_id) if field == "core" else (None, run.status.value)]


def _run_group(core_id: str | None, value: str | None, runs: Sequence[Summary]) -> RunGroup:
    return RunGroup(
        core_id=core_id,
        value=value,
        count=len(runs),
        failed=sum(run.outcome is RunStatus.FAILED for run in runs),
        p95_ms=exact_quantile([run.duration_ms for run in runs if run.duration_ms is not None], _P95),
        last_at=max((run.last_event_at for run in runs if run.last_event_at is not None), default=None),
        example=runs[0].execution_id,
    )
