"""The visits of one run: which are open, the newest of them, and how many are kept at all. Pure.

Each step takes the same time however many there are; what a run takes in memory has a bound, whatever its feed holds.
"""

from __future__ import annotations

from itertools import islice

from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run

# The newest are kept: so many nodes of a run, and so many visits of each. Once a run has many, far fewer of each.
MAX_NODES = 2_000
MAX_VISITS, LARGE_RUN_VISITS, MAX_VISITS_WHEN_LARGE = 1_000, 20_000, 10
# So many of the oldest nodes are looked at for one that is over, before the oldest goes whatever it is.
EVICTION_SCAN = 8
# Of visits that are open no more, so many may be among those that are, and as many as those.
STALE_SLACK = 64
# Stands for all kinds.
_ANY = ""


def enter(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """Add an open visit, the newest of all."""
    node.visits.append(visit)
    node.open_visits.append(visit)
    run.open_count += 1
    for kind in {_ANY, node.block_kind or _ANY}:
        stack = run.open_visits.setdefault(kind, [])
        _newest(stack)
        if len(stack) > 2 * run.open_count + STALE_SLACK:
            stack[:] = [entry for entry in stack if entry[1].is_open]
        stack.append((node, visit))
    _make_room_for_visits(run, node)


def leave(run: Run, node: NodeRunInfo, state: NodeState, at: int | None) -> NodeVisit:
    """The newest open visit of `node` came to that, at that time."""
    visit = node.open_visits.pop()
    visit.state, visit.ended_at = state, at
    run.open_count -= 1
    return visit


def add_ended(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """Add a visit of which only the end is known."""
    node.visits.append(visit)
    _make_room_for_visits(run, node)


def newest_open(run: Run, kind: str | None) -> NodeRunInfo | None:
    """The node of the newest open visit in a block of that kind, or of any."""
    return _newest(run.open_visits.get(kind or _ANY, []))


def evict_node(run: Run) -> None:
    """Another one comes: the oldest goes where there are too many, rather one that is over."""
    if len(run.nodes) < MAX_NODES:
        return
    oldest = list(islice(run.nodes.items(), EVICTION_SCAN))
    key, node = next((item for item in oldest if not item[1].open_visits), oldest[0])
    del run.nodes[key]
    for visit in tuple(node.open_visits):
        _forget(run, node, visit)
    run.visit_count -= len(node.visits)
    run.add_anomaly(f"only its newest {MAX_NODES:,} nodes are kept")


def _newest(stack: list[tuple[NodeRunInfo, NodeVisit]]) -> NodeRunInfo | None:
    """The node on top, once what is open no more is taken off."""
    while stack and not stack[-1][1].is_open:
        stack.pop()
    return stack[-1][0] if stack else None


def _make_room_for_visits(run: Run, node: NodeRunInfo) -> None:
    run.visit_count += 1
    most = MAX_VISITS if run.visit_count < LARGE_RUN_VISITS else MAX_VISITS_WHEN_LARGE
    while len(node.visits) > most:
        visit = node.visits.pop(0)
        node.dropped += 1
        node.dropped_ms += visit.duration_ms or 0.0
        run.visit_count -= 1
        if visit.is_open:
            _forget(run, node, visit)
        run.add_anomaly("of nodes that were visited often, only the newest visits are kept")


def _forget(run: Run, node: NodeRunInfo, visit: NodeVisit) -> None:
    """An open visit is kept no longer: nobody sees it, and nothing ends it."""
    node.open_visits.remove(visit)
    run.open_count -= 1
    visit.state = NodeState.EXITED
