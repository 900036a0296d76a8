"""The usual durations of the runs of a Core and of its nodes, with which one run is compared. Pure.

The figures of a Core come from the columns of its stored runs, unless it waits for people: then, as those of a node,
from the newest runs, which are read completely. Neither counts the time for which people were waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from statistics import median

from msgspec import Struct, field

from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.analysis.statistics.paths import Path
from scaicore_tui.analysis.steps import PERSON_KINDS
from scaicore_tui.analysis.waits import run_worked_ms, visit_worked_ms, waits_in
from scaicore_tui.runs import Run, RunStatus, Summary
from scaicore_tui.runs.model import NodeKey, NodeState
from scaicore_tui.timefmt import format_duration

# Of fewer runs the longest is told in place of the 95th percentile, which is the same.
MIN_COUNT_FOR_P95 = 20


class Usual(Struct, frozen=True):
    """The durations of `count` completed runs of a Core, in milliseconds.

    `without_waits`: the time for which they waited for people is not counted; otherwise they did not wait.
    """

    count: int
    median_ms: float
    p95_ms: float
    longest_ms: float
    without_waits: bool = False

    @property
    def text(self) -> str:
        """The figures in a few words, such as `usual 25s (p95 36s, n 44)`."""
        if self.count < MIN_COUNT_FOR_P95:
            limit = f"longest {format_duration(self.longest_ms)}"
        else:
            limit = f"p95 {format_duration(self.p95_ms)}"
        return f"{self.short_text} ({limit}, n {self.count:,})"

    @property
    def short_text(self) -> str:
        """The median in words, such as `usual 25s`."""
        waits = " without waiting for people" if self.without_waits else ""
        return f"usual {format_duration(self.median_ms)}{waits}"


class ErrorShare(Struct, frozen=True):
    """The newest `total` runs of a Core, of which `count` failed with the error of a run."""

    count: int
    total: int

    @property
    def text(self) -> str:
        """The figures in a few words, such as `this error: 6 of the last 40 runs`."""
        return f"this error: {self.count or 'none'} of the last {self.total} runs"


class NodeUsual(Struct, frozen=True):
    """The ended visits of one node: how many of them succeeded, and the median of how long these took, if known.

    `run_count` is the number of runs that visited it.
    """

    succeeded: int
    failed: int
    median_ms: float | None
    run_count: int

    @property
    def text(self) -> str:
        """The figures in a few words, such as `usual 1.8s · 93% of 211 visits succeed · 50 runs`."""
        ended = self.succeeded + self.failed
        took = "" if self.median_ms is None else f"usual {format_duration(self.median_ms)} · "
        share = f"{_percent(self.succeeded, ended)} of {ended:,} {'visit succeeds' if ended == 1 else 'visits succeed'}"
        return f"{took}{share} · {self.run_count:,} {'run' if self.run_count == 1 else 'runs'}"


class PastContext(Struct, frozen=True):
    """Facts about one run that other runs tell.

    Attributes:
        number, total: it is the run `number` of `total` stored runs of its Core, the newest being 1; 0 if unknown.
        usual: how long completed runs of the Core take; None if there is none.
        error: how frequent its error is; None if it has none.
        last_good: the newest run of the Core that completed before it; without one, the newest of all that completed.
        usual_path: the nodes that most good runs of the Core entered; None if it is not known.
        nodes: the nodes in other runs, by key.
        figures: those of the nodes of the Core in the last days, by their names.
        calls: for each visit that may have started a run, by the number of the event that began it, the runs that
            began and ended meanwhile.
    """

    number: int = 0
    total: int = 0
    usual: Usual | None = None
    last_good: Summary | None = None
    error: ErrorShare | None = None
    figures: Mapping[str, NodeFigures] = field(default_factory=dict)
    usual_path: Path | None = None
    nodes: Mapping[NodeKey, NodeUsual] = field(default_factory=dict)
    calls: Mapping[int, Collection[Summary]] = field(default_factory=dict)


NO_CONTEXT = PastContext()


def usual_of_nodes(runs: Iterable[Run], keys: Collection[NodeKey]) -> dict[NodeKey, NodeUsual]:
    """Return what is usual for the nodes with these keys in `runs`; nodes that never ended a visit are left out."""
    succeeded: dict[NodeKey, list[float | None]] = {}
    failed: dict[NodeKey, int] = {}
    run_counts: dict[NodeKey, int] = {}
    for run in runs:
        waits = waits_in(run)
        for key in run.nodes.keys() & keys:
            node_waits = () if run.nodes[key].block_kind in PERSON_KINDS else waits
            run_counts[key] = run_counts.get(key, 0) + 1
            for visit in run.nodes[key].visits:
                if visit.state is NodeState.EXITED:
                    succeeded.setdefault(key, []).append(visit_worked_ms(visit, node_waits))
                elif visit.state is NodeState.FAILED:
                    failed[key] = failed.get(key, 0) + 1
    return {
        key: NodeUsual(len(succeeded.get(key, ())), failed.get(key, 0), _median(succeeded.get(key, ())), count)
        for key, count in run_counts.items()
        if key in succeeded or key in failed
    }


def worked_times(runs: Iterable[Run]) -> dict[str, float]:
    """Return how long those of `runs` that completed took without their waits for people, by id, in milliseconds."""
    completed = (run for run in runs if run.outcome is RunStatus.COMPLETED)
    return {run.execution_id: worked for run in completed if (worked := run_worked_ms(run)) is not None}


def usual_without_waits(worked: Iterable[float]) -> Usual | None:
    """Return what is usual by the times that completed runs worked; None if there are none."""
    known = sorted(worked)
    median_ms, p95_ms = exact_quantile(known, 0.5), exact_quantile(known, 0.95)
    if median_ms is None or p95_ms is None:
        return None
    return Usual(len(known), median_ms, p95_ms, known[-1], without_waits=True)


def _median(durations: Iterable[float | None]) -> float | None:
    known = [duration for duration in durations if duration is not None]
    return median(known) if known else None


def _percent(part: int, total: int) -> str:
    """Return a share; 0% and 100% only if they are exact."""
    percent = round(100 * part / total)
    if 0 < part < total:
        percent = min(99, max(1, percent))
    return f"{percent}%"
