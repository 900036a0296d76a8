"""Add, end and drop the visits of one run. Pure.

Each operation takes constant time. The memory of a run is bounded, whatever its feed contains: old visits and nodes are
dropped.
"""

from __future__ import annotations

from itertools import islice

from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run
from scaicore_tui.units import Micros

# The newest nodes of a run and the newest visits of each node are kept; fewer visits in a run that has many of them.
MAX_NODES = 2_000
MAX_VISITS, LARGE_RUN_VISITS, MAX_VISITS_WHEN_LARGE = 1_000, 20_000, 10
# To evict a node, this many of the oldest are searched for one without open visits; otherwise the oldest is evicted.
EVICTION_SCAN = 8
# A list of open visits may hold ended ones: this many, and as many again as visits are open.
STALE_SLACK = 64
# Key of `Run.open_visits` for blocks of all kinds.
_ANY = ""


def enter(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """Add `visit`, which is open, as the newest of the run."""
    node.visits.append(visit)
    node.open_visits.append(visit)
    run.open_count += 1
    entry = (node, visit)
    _push(run, _ANY, entry)
    if node.block_kind:
        _push(run, node.block_kind, entry)
    _drop_old_visits(run, node)


def _push(run: Run, kind: str, entry: tuple[NodeRunInfo, NodeVisit]) -> None:
    """Add an open visit to the list of its kind. Drops ended visits from its end, and all once they are many."""
    stack = run.open_visits.get(kind)
    if stack is None:
        run.open_visits[kind] = [entry]
        return
    while stack and stack[-1][1].state is not NodeState.ENTERED:
        stack.pop()
    if len(stack) > 2 * run.open_count + STALE_SLACK:
        stack[:] = [other for other in stack if other[1].is_open]
    stack.append(entry)


def leave(run: Run, node: NodeRunInfo, state: NodeState, at: Micros | None) -> NodeVisit:
    """End the newest open visit of `node` with `state`, at `at`; return the visit."""
    visit = node.open_visits.pop()
    visit.state, visit.ended_at, visit.ended_event = state, at, run.event_count
    run.open_count -= 1
    return visit


def add_ended(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """Add a visit whose enter event is missing."""
    node.visits.append(visit)
    _drop_old_visits(run, node)


def newest_open(run: Run, kind: str | None) -> NodeRunInfo | None:
    """Return the node of the newest open visit of a block of `kind`; with None, of any kind."""
    return _newest(run.open_visits.get(kind or _ANY, []))


def evict_node(run: Run) -> None:
    """Make room for another node if the run has MAX_NODES: drop an old node, preferably one without open visits."""
    if len(run.nodes) < MAX_NODES:
        return
    oldest = list(islice(run.nodes.items(), EVICTION_SCAN))
    key, node = next((item for item in oldest if not item[1].open_visits), oldest[0])
    del run.nodes[key]
    for visit in tuple(node.open_visits):
        _close_dropped(run, node, visit)
    run.visit_count -= len(node.visits)
    run.add_anomaly(f"only the newest {MAX_NODES:,} nodes of this run are kept")


def _newest(stack: list[tuple[NodeRunInfo, NodeVisit]]) -> NodeRunInfo | None:
    """Remove ended visits from the end of `stack`; return the node of the newest open visit."""
    while stack and not stack[-1][1].is_open:
        stack.pop()
    return stack[-1][0] if stack else None


def _drop_old_visits(run: Run, node: NodeRunInfo) -> None:
    run.visit_count += 1
    max_visits = MAX_VISITS if run.visit_count < LARGE_RUN_VISITS else MAX_VISITS_WHEN_LARGE
    while len(node.visits) > max_visits:
        visit = node.visits.pop(0)
        node.dropped += 1
        node.dropped_ms += visit.duration_ms or 0.0
        run.visit_count -= 1
        if visit.is_open:
            _close_dropped(run, node, visit)
        run.add_anomaly("of often visited nodes, only the newest visits are kept")


def _close_dropped(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """Stop tracking an open visit that is dropped."""
    node.open_visits.remove(visit)
    run.open_count -= 1
    visit.state = NodeState.EXITED
