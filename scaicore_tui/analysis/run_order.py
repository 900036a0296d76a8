"""Order runs, and group them by what they have in common. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.analysis.error_groups import error_group_key, masked
from scaicore_tui.config.views import Grouping, Sort
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.units import Micros

_DESCENDING: Mapping[Sort, Callable[[Summary], float | None]] = {
    Sort.STARTED: lambda run: run.began_at,
    Sort.CHANGED: lambda run: run.last_event_at,
    Sort.DURATION: lambda run: run.duration_ms,
    Sort.EVENTS: lambda run: run.event_count,
}
_ASCENDING: Mapping[Sort, Callable[[Summary], str | None]] = {
    Sort.CORE: lambda run: run.core_id,
    Sort.STATUS: lambda run: run.status.value,
}


def sort_runs(runs: Iterable[Summary], sort: Sort) -> list[Summary]:
    """Return `runs` in the order `sort`; equal ones stay in theirs, and those without a value come last."""
    rows = list(runs)
    if sort in _ASCENDING:
        text = _ASCENDING[sort]
        return sorted(rows, key=lambda run: (text(run) is None, text(run) or ""))
    number = _DESCENDING[sort]
    return sorted(rows, key=lambda run: (number(run) is None, -(number(run) or 0)))


class RunGroup(Struct):
    """Runs that have a fact in common. Facts that the grouping is not about are None.

    Attributes:
        node_id: the failed node, or that which all runs visited.
        text: their error without numbers, ids, paths and quoted values.
        failed: how many of them failed.
        first_at, last_at: when the first and the last of them began or, if grouped by error, ended.
        example: the newest of them.
    """

    example: Summary
    core_id: str | None = None
    node_id: str | None = None
    status: RunStatus | None = None
    text: str | None = None
    count: int = 0
    failed: int = 0
    first_at: Micros | None = None
    last_at: Micros | None = None

    def add(self, run: Summary, at: Micros | None) -> None:
        """Count a run that has the fact, at a time."""
        self.count += 1
        self.failed += run.status is RunStatus.FAILED
        if at is not None:
            self.first_at = at if self.first_at is None else min(at, self.first_at)
            self.last_at = at if self.last_at is None else max(at, self.last_at)

    @property
    def code(self) -> str | None:
        """The code that the error begins with, such as `BANK_DOWN`; None if it begins with another text."""
        code = (self.text or "").partition(":")[0]
        return code if code.isupper() and code.isidentifier() else None


def group_runs(runs: Iterable[Summary], by: Grouping) -> list[RunGroup]:
    """Return the groups of `runs`, which are newest first; the largest group first.

    A run without the fact is in no group. By node, a run is in the group of each node that it visited.
    """
    groups: dict[object, RunGroup] = {}
    for run in runs:
        at = run.ended_at if by is Grouping.ERROR else run.began_at
        for key, group in _groups_of(run, by):
            groups.setdefault(key, group).add(run, at)
    return sorted(groups.values(), key=lambda group: -group.count)


def _groups_of(run: Summary, by: Grouping) -> Sequence[tuple[object, RunGroup]]:
    """Return key and empty group for each group that a run belongs to."""
    match by:
        case Grouping.ERROR if run.error is not None:
            text = masked(run.error)
            return [(error_group_key(run), RunGroup(run, run.core_id, run.failed_node, text=text))]
        case Grouping.CORE if run.core_id is not None:
            return [(run.core_id, RunGroup(run, run.core_id))]
        case Grouping.NODE:
            nodes = dict.fromkeys(node for node in run.node_ids if node is not None)
            return [((run.core_id, node), RunGroup(run, run.core_id, node)) for node in nodes]
        case Grouping.STATUS:
            return [(run.status, RunGroup(run, status=run.status))]
        case _:
            return []
