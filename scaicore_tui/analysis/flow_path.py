"""The path of runs through a graph: the edges that were taken, what was not reached, and the ways out of a node. Pure.

The API tells no edges. A visit was led to by the node that ended last before it began, among those with an edge to it;
where that leaves more than one edge, none of them is taken for certain, and all are `possible`. What came before what
is told by the order of the events, not by their times, which may be whole seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.analysis.flow_graph import ENTRY_TYPES, ERROR_PORT, FlowGraph
from scaicore_tui.protocol.flows import FlowEdge
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run

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
    return _Path(graph, run).taken_edges()


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


class _Moves(Struct):
    """The visits of one node in the order of the events that began them, and in that of those that ended them."""

    entered: list[tuple[int, NodeVisit]]
    ended: list[tuple[int, NodeVisit]]


def _number(move: tuple[int, NodeVisit]) -> int:
    return move[0]


def _last_before(moves: Sequence[tuple[int, NodeVisit]], event: int) -> tuple[int, NodeVisit] | None:
    """Return the last of `moves` before an event."""
    index = bisect_left(moves, event, key=_number)
    return moves[index - 1] if index else None


class _Path:
    """The visits of one run beside a graph."""

    def __init__(self, graph: FlowGraph, run: Run) -> None:
        self._graph = graph
        self._run = run
        found: dict[str, list[NodeVisit]] = {}
        for node in run.nodes.values():
            if node.node_id is not None:
                found.setdefault(node.node_id, []).extend(node.visits)
        self._moves = {
            node_id: _Moves(
                sorted(((visit.entered_event, visit) for visit in visits if visit.entered_event), key=_number),
                sorted(((visit.ended_event, visit) for visit in visits if visit.ended_event), key=_number),
            )
            for node_id, visits in found.items()
        }

    def taken_edges(self) -> TakenEdges:
        counts: Counter[int] = Counter()
        possible: set[int] = set()
        for node_id in self._graph.by_id:
            moves = self._moves.get(node_id)
            for event, _ in moves.entered[-MAX_FOLLOWED_VISITS:] if moves is not None else ():
                found = self._edges_into(node_id, event)
                if self._is_certain(found) and not self._is_retry(found[0], event):
                    counts[found[0]] += 1
                possible.update(found)
        return TakenEdges(counts, frozenset(possible - counts.keys()))

    def _edges_into(self, node_id: str, event: int) -> list[int]:
        """Return the edges by which a visit that began with `event` may have been reached: one if that is certain."""
        indexes = self._graph.incoming.get(node_id, ())
        left = {index: number for index in indexes if (number := self._left_by(index, event))}
        if not left:
            return [index for index in indexes if self._is_entry(index)]
        last = max(left.values())
        return [index for index, number in left.items() if number == last]

    def _is_certain(self, found: Sequence[int]) -> bool:
        return len(found) == 1 and not (self._run.joined_late and self._is_entry(found[0]))

    def _is_entry(self, index: int) -> bool:
        return self._graph.by_id[self._graph.edges[index].source].type in ENTRY_TYPES

    def _left_by(self, index: int, event: int) -> int:
        """Return the number of the event by which control last left along an edge before `event`; 0 if it did not."""
        edge = self._graph.edges[index]
        moves = self._moves.get(edge.source)
        if moves is None:
            return 0
        into_body = self._graph.enters_body(edge)
        last = _last_before(moves.entered if into_body else moves.ended, event)
        return last[0] if last is not None and (into_body or self._leaves_by(edge, last[1])) else 0

    def _leaves_by(self, edge: FlowEdge, visit: NodeVisit) -> bool:
        """Return true if control can leave an ended visit by this edge.

        A node that failed leaves by its port for errors. Without one, its author may have declared a value to go on
        with.
        """
        if visit.state is not NodeState.FAILED or edge.port == ERROR_PORT:
            return (visit.state is NodeState.FAILED) == (edge.port == ERROR_PORT)
        return not any(self._graph.edges[index].port == ERROR_PORT for index in self._graph.outgoing[edge.source])

    def _is_retry(self, index: int, event: int) -> bool:
        """Return true if a visit repeats one that failed, after the same step along the edge.

        At the begin of a loop's body it may also be the next iteration: then another node of the body was visited
        between.
        """
        edge = self._graph.edges[index]
        before = _last_before(self._moves[edge.target].entered, event)
        if before is None or before[1].state is not NodeState.FAILED or before[0] < self._left_by(index, event):
            return False
        if not self._graph.enters_body(edge) or not self._graph.is_loop(edge.source):
            return True
        body = self._graph.body_of[edge.target]
        beside = (name for name in body.nodes - {edge.target} if self._graph.body_of[name] is body)
        others = (self._moves.get(name) for name in beside)
        entries = (_last_before(moves.entered, event) for moves in others if moves is not None)
        return not any(entry is not None and entry[0] > before[0] for entry in entries)
