"""Path variants: the runs of a Core grouped by the nodes that they entered.

Flows are acyclic, and iterate only inside a loop (API §6). So two runs that entered the same nodes took the same path:
different orders come from branches that run at the same time, and repeated visits from loops and retries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.runs import Run, RunStatus, Summary
from scaicore_tui.runs.summary import MAX_NODES
from scaicore_tui.text import display_name

Path = tuple[str, ...]
_P95 = 0.95


class Variant(Struct, frozen=True):
    """Runs of one Core that took the same path.

    Attributes:
        path: names of the nodes, in the order of the first visits that is most frequent among its runs.
        share: of the runs of its Core, from 0 to 1.
        p95_ms: exact, over the runs whose duration is known.
        example: the id of its newest run.
    """

    core_id: str | None
    path: Path
    count: int
    share: float
    failed: int
    p95_ms: float | None
    example: str


class Departure(Struct, frozen=True):
    """The point at which a run left the usual path: after node `after`, it took `took` in place of `usual`.

    `after` is None at its start. `took` is None if the run ended there, `usual` is None if the usual path ended there.
    """

    after: str | None
    took: str | None
    usual: str | None

    @property
    def text(self) -> str:
        """The point in words, such as `left the usual path after policy: took review, usual book`."""
        where = f"after {display_name(self.after)}" if self.after is not None else "at its start"
        took = f"took {display_name(self.took)}" if self.took is not None else "ended there"
        usual = f", usual {display_name(self.usual)}" if self.usual is not None else ""
        return f"left the usual path {where}: {took}{usual}"


def path_of(summary: Summary) -> Path:
    """Return the nodes of a run in the order of their first visits."""
    return _names(summary.node_ids)


def departure_text(run: Run, usual: Path | None) -> str:
    """Return where a run left the usual path of its Core, in words; empty if it did not, or none is known.

    That a run failed, or is not over, is no departure: the nodes that it did not reach do not count then.
    """
    if usual is None or run.is_loading or len(run.nodes) > MAX_NODES:
        return ""
    found = departure(_names(node.node_id for node in run.nodes.values()), usual)
    has_left = found is not None and (found.took is not None or run.outcome is RunStatus.COMPLETED)
    return found.text if found is not None and has_left else ""


def _names(node_ids: Iterable[str | None]) -> Path:
    return tuple(node or "(block)" for node in node_ids)


def variants(runs: Iterable[Summary]) -> list[Variant]:
    """Group finished runs, given newest first, by Core and path: by Core, the most frequent first.

    A run that is not over has not taken its path yet, and is left out.
    """
    groups: dict[tuple[str | None, frozenset[str]], list[Summary]] = {}
    sizes: Counter[str | None] = Counter()
    for run in runs:
        if run.outcome is not None:
            groups.setdefault((run.core_id, frozenset(path_of(run))), []).append(run)
            sizes[run.core_id] += 1
    found = [_variant(core, members, sizes[core]) for (core, _), members in groups.items()]
    return sorted(found, key=lambda row: (row.core_id or "", -row.count, row.path))


def usual_path(found: Sequence[Variant], core_id: str | None) -> Path | None:
    """Return the most frequent path without failures of a Core; None if no run of it completed."""
    good = [row for row in found if row.core_id == core_id and row.failed < row.count]
    return max(good, key=lambda row: row.count - row.failed).path if good else None


def departure(path: Path, usual: Path) -> Departure | None:
    """Return where a path first differs from the usual one; None if it does not. Only entered nodes are compared."""
    entered, expected = set(path), set(usual)
    if entered == expected:
        return None
    unexpected = next((index for index, node in enumerate(path) if node not in expected), len(path))
    # Nodes of a branch at the same time may come in another order: what is missing is looked for in the whole path.
    missing = next((node for node in usual if node not in entered), None)
    return Departure(
        path[unexpected - 1] if unexpected else None, path[unexpected] if unexpected < len(path) else None, missing
    )


def _variant(core_id: str | None, runs: Sequence[Summary], of_core: int) -> Variant:
    orders = Counter(path_of(run) for run in runs)
    durations = [run.duration_ms for run in runs if run.duration_ms is not None]
    return Variant(
        core_id=core_id,
        path=max(orders, key=lambda path: (orders[path], path)),
        count=len(runs),
        share=len(runs) / of_core,
        failed=sum(run.outcome is RunStatus.FAILED for run in runs),
        p95_ms=exact_quantile(durations, _P95),
        example=runs[0].execution_id,
    )
