"""Groups of runs: failures by their cause, and all runs by Core, status or node. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.error_groups import error_group_key, masked
from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.units import Micros

_CODE = re.compile(r"([A-Z][A-Z0-9_]{1,60}): ", re.ASCII)
_P95 = 0.95
# Fewer failures more or less are chance.
MIN_TREND_FAILURES = 3


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
    """Runs with the same `value` of a field; p95 is exact, over the runs whose duration is known."""

    value: str | None
    count: int
    failed: int
    p95_ms: float | None
    last_at: Micros | None
    example: str


def error_groups(
    runs: Iterable[Summary], period: tuple[Micros, Micros], known_since: Mapping[str, Micros] | None = None
) -> list[ErrorGroup]:
    """Group failed runs, given in any order, by their cause: the most frequent first.

    `period` is what they were selected by, for the trend. `known_since` has the time of the first failure of each group
    in the whole journal, by its key; without it, the runs are taken for all there are.
    """
    groups: dict[str, list[Summary]] = {}
    for run in runs:
        key = error_group_key(run)
        if run.outcome is RunStatus.FAILED and key is not None:
            groups.setdefault(key, []).append(run)
    found = [_error_group(key, members, period, known_since or {}) for key, members in groups.items()]
    return sorted(found, key=lambda group: (-group.count, -(group.last_at or 0), group.key))


def group_runs(runs: Iterable[Summary], field: str) -> list[RunGroup]:
    """Group runs, given newest first, by `core`, `status` or `node`: the most frequent first.

    A run is in the group of each node that it entered.
    """
    groups: dict[str | None, list[Summary]] = {}
    for run in runs:
        for value in _values(run, field):
            groups.setdefault(value, []).append(run)
    found = [_run_group(value, members) for value, members in groups.items()]
    return sorted(found, key=lambda group: (-group.count, group.value or ""))


def trend_of(times: Sequence[Micros], period: tuple[Micros, Micros]) -> Trend:
    """Return the trend: at least twice as many in one half as in the other, and MIN_TREND_FAILURES more."""
    middle = (period[0] + period[1]) // 2
    late = sum(at >= middle for at in times)
    early = len(times) - late
    if late >= max(2 * early, early + MIN_TREND_FAILURES):
        return Trend.RISING
    return Trend.FALLING if early >= max(2 * late, late + MIN_TREND_FAILURES) else Trend.STEADY


def _error_group(
    key: str, runs: Sequence[Summary], period: tuple[Micros, Micros], known_since: Mapping[str, Micros]
) -> ErrorGroup:
    newest = max(runs, key=lambda run: (run.ended_at or 0, run.position))
    times = [run.ended_at for run in runs if run.ended_at is not None]
    error = newest.error or ""
    code = _CODE.match(error)
    first = min(times, default=None)
    begin_of_day = period[1] - period[1] % _DAY
    earliest = min(filter(None, (known_since.get(key), first)), default=None)
    return ErrorGroup(
        core_id=newest.core_id,
        node_id=newest.failed_node,
        code=code[1] if code else None,
        text=masked(error[code.end() :] if code else error),
        count=len(runs),
        first_at=first,
        last_at=max(times, default=None),
        trend=trend_of(times, period),
        is_new=earliest is not None and earliest >= begin_of_day,
        example=newest.execution_id,
        key=key,
    )


_DAY = 86_400 * 10**6


def _values(run: Summary, field: str) -> Sequence[str | None]:
    if field == "node":
        return [node for node in dict.fromkeys(run.node_ids) if node is not None]
    return [run.core_id if field == "core" else run.status.value]


def _run_group(value: str | None, runs: Sequence[Summary]) -> RunGroup:
    return RunGroup(
        value=value,
        count=len(runs),
        failed=sum(run.outcome is RunStatus.FAILED for run in runs),
        p95_ms=exact_quantile([run.duration_ms for run in runs if run.duration_ms is not None], _P95),
        last_at=max((run.last_event_at for run in runs if run.last_event_at is not None), default=None),
        example=runs[0].execution_id,
    )
