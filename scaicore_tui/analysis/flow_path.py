"""The path of runs through a graph: the edges that were taken, what was not reached, and the ways out of a node. Pure.

The API tells no edges. A visit was led to by the node that ended last before it began, among those with an edge to it;
where that leaves more than one edge, none of them is taken for certain, and all are `possible`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.analysis.flow_graph import ENTRY_TYPES, ERROR_PORT, FlowGraph
from scaicore_tui.protocol.flows import FlowEdge
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run
from scaicore_tui.units import Micros

# Visits of one node that are followed: loops take the same few edges again and again.
MAX_FOLLOWED_VISITS = 200


class TakenEdges(Struct, frozen=True):
    """The edges that one run took, as indexes into the graph's edges.

    Attributes:
        counts: how often each edge was certainly taken, as far as the kept visits tell.
        possible: edges of which one of several was taken.
    """

    counts: Mapping[int, int]
    possible: frozenset[int] = frozenset()


class WayOut(Struct, frozen=True):
    """One way out of a node.

    Attributes:
        label: the port's name, or another word for it; foreign text.
        taken: how often past runs took it; of all ways out together, `total` times.
    """

    edge: FlowEdge
    label: str
    taken: int = 0
    total: int = 0

    @property
    def percent(self) -> int | None:
        """The share of past runs in percent, rounded; None if none came by."""
        return None if not self.total else round(100 * self.taken / self.total)


def find_taken_edges(graph: FlowGraph, run: Run) -> TakenEdges:
    """Return the edges that `run` took."""
    visits = visits_by_node(run)
    counts: Counter[int] = Counter()
    possible: set[int] = set()
    for node_id in graph.by_id:
        own = visits.get(node_id, [])
        for number in range(max(0, len(own) - MAX_FOLLOWED_VISITS), len(own)):
            found = _edges_into(graph, node_id, own[number], visits)
            is_certain = len(found) == 1 and not (run.joined_late and _is_entry(graph, graph.edges[found[0]]))
            if is_certain and not _is_retry(graph, found[0], number, own, visits):
                counts[found[0]] += 1
            possible.update(found)
    return TakenEdges(counts, frozenset(possible - counts.keys()))


def visits_by_node(run: Run) -> dict[str, list[NodeVisit]]:
    """Return the kept visits of each node that has an id, oldest first."""
    found: dict[str, list[NodeVisit]] = {}
    for node in run.nodes.values():
        if node.node_id is not None:
            found.setdefault(node.node_id, []).extend(node.visits)
    return found


def not_reached(graph: FlowGraph, run: Run) -> frozenset[str]:
    """Return the nodes that the run never entered. Entries are left out: they have no events (API §2)."""
    seen = {node.node_id for node in run.nodes.values()}
    return frozenset(node.id for node in graph.nodes if node.id not in seen and node.type not in ENTRY_TYPES)


def unknown_nodes(graph: FlowGraph, run: Run) -> list[NodeRunInfo]:
    """Return the nodes of the run that are not in the graph: anonymous ones, or those of another version of it."""
    return [node for node in run.nodes.values() if node.node_id not in graph.by_id]


def count_edges(graph: FlowGraph, runs: Iterable[Run]) -> Counter[int]:
    """Return how often `runs` took each edge for certain."""
    total: Counter[int] = Counter()
    for run in runs:
        total.update(find_taken_edges(graph, run).counts)
    return total


def ways_out(graph: FlowGraph, node_id: str, counts: Mapping[int, int] | None = None) -> list[WayOut]:
    """Return the ways out of a node, the most frequent first; `counts` are those of `count_edges`."""
    counts = counts or {}
    indexes = [index for index in graph.outgoing.get(node_id, ()) if not graph.enters_body(graph.edges[index])]
    total = sum(counts.get(index, 0) for index in indexes)
    found = [WayOut(graph.edges[index], _label(graph.edges[index]), counts.get(index, 0), total) for index in indexes]
    return sorted(found, key=lambda way: -way.taken)


def _label(edge: FlowEdge) -> str:
    return edge.port or edge.condition or edge.kind


def _edges_into(
    graph: FlowGraph, node_id: str, visit: NodeVisit, visits: Mapping[str, Sequence[NodeVisit]]
) -> list[int]:
    """Return the edges by which a visit may have been reached: one if that is certain."""
    indexes = graph.incoming.get(node_id, ())
    entered = visit.entered_at
    if entered is None:
        return []
    left = {index: at for index in indexes if (at := _left_at(graph, index, entered, visits)) is not None}
    if not left:
        return [index for index in indexes if _is_entry(graph, graph.edges[index])]
    # Of nodes that ended at the same time, the later one in reading order was between the others and this one.
    last = max(left, key=lambda index: (left[index], graph.rank[graph.edges[index].source]))
    source = graph.edges[last].source
    return [index for index in left if graph.edges[index].source == source]


def _is_entry(graph: FlowGraph, edge: FlowEdge) -> bool:
    return graph.by_id[edge.source].type in ENTRY_TYPES


def _left_at(graph: FlowGraph, index: int, entered: Micros, visits: Mapping[str, Sequence[NodeVisit]]) -> Micros | None:
    """Return when control last left by an edge before `entered`; None if it cannot have."""
    edge = graph.edges[index]
    into_body = graph.enters_body(edge)
    for visit in reversed(visits.get(edge.source, ())):
        at = visit.entered_at if into_body else visit.ended_at
        if at is not None and at <= entered:
            return at if into_body or _leaves_by(graph, edge, visit) else None
    return None


def _leaves_by(graph: FlowGraph, edge: FlowEdge, visit: NodeVisit) -> bool:
    """Return true if control can leave an ended visit by this edge.

    A node that failed leaves by its port for errors. Without one, its author may have declared a value to go on with.
    """
    if visit.state is not NodeState.FAILED or edge.port == ERROR_PORT:
        return (visit.state is NodeState.FAILED) == (edge.port == ERROR_PORT)
    return not any(graph.edges[index].port == ERROR_PORT for index in graph.outgoing[edge.source])


def _is_retry(
    graph: FlowGraph, index: int, number: int, own: Sequence[NodeVisit], visits: Mapping[str, Sequence[NodeVisit]]
) -> bool:
    """Return true if visit `number` of a node repeats one that failed, after the same step along the edge.

    At the begin of a loop's body it may also be the next iteration: then another node of the body was visited between.
    """
    before, edge = own[number - 1], graph.edges[index]
    entered = own[number].entered_at
    if not number or before.state is not NodeState.FAILED or before.entered_at is None or entered is None:
        return False
    left_at = _left_at(graph, index, entered, visits)
    if left_at is None or before.entered_at < left_at:
        return False
    if not graph.enters_body(edge) or not graph.is_loop(edge.source):
        return True
    others = graph.body_of[edge.target].nodes - {edge.target}
    failed_at = before.ended_at or before.entered_at
    entries = (visit.entered_at for name in others for visit in visits.get(name, ()))
    return not any(at is not None and failed_at <= at < entered for at in entries)
