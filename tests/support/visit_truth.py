"""What the statistics of nodes must tell, computed from all events at once: no histograms, no tally."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from scaicore_tui.protocol import Event
from scaicore_tui.runs import NodeState, Run
from scaicore_tui.runs.reduce import apply

DAY = 86_400 * 10**6
Key = tuple[str, str, str, int]


@dataclass
class Truth:
    """The ended visits of one node on one day; durations in milliseconds, those with a wait for a person apart."""

    visits: int = 0
    failed: int = 0
    durations: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


def visit_truth(events: Iterable[Event]) -> dict[Key, Truth]:
    """Return the truth for events in feed order. Containers are expected not to wait."""
    runs: dict[str, Run] = {}
    for event in events:
        if event.execution_id is not None:
            apply(runs.setdefault(event.execution_id, Run(event.execution_id)), event)
    found: dict[Key, Truth] = defaultdict(Truth)
    for run in runs.values():
        for node in run.nodes.values():
            for visit in node.visits:
                if visit.state is NodeState.ENTERED:
                    continue
                truth = found[
                    run.core_id or "", node.node_id or "", node.block_kind or "", (visit.ended_at or 0) // DAY
                ]
                truth.visits += 1
                truth.failed += visit.state is NodeState.FAILED
                if visit.duration_ms is not None:
                    (truth.waits if node.block_kind == "checkpoint" else truth.durations).append(visit.duration_ms)
    return dict(found)
