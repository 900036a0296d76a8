"""The graph of a flow: its nodes, its edges, and which nodes are in the body of which loop or parallel. Pure.

A graph says where it comes from. One that was inferred from runs is no design: it only shows what these runs did.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode

ENTRY_TYPES = frozenset({"entry_api", "entry_webhook", "entry_schedule"})
LOOP_TYPES = frozenset({"logic_loop", "foreach", "while"})
PARALLEL_TYPES = frozenset({"logic_parallel", "parallel"})
CONTAINER_TYPES = LOOP_TYPES | PARALLEL_TYPES
ERROR_PORT = "error"
# Ports by which control leaves a container for good; all others lead into a body.
EXIT_PORTS = frozenset({"done", "out", "next", "after", ERROR_PORT})
# Bodies in one flow: more are no bodies then, but nodes like all others.
MAX_BODIES = 100
_DATA = "data"


class GraphOrigin(StrEnum):
    """The kind of source that a graph comes from."""

    FILE = "file"
    SCAIFLOW = "ScaiFlow"
    COVER = "cover"
    INFERRED = "inferred"


class Body(Struct, frozen=True):
    """The nodes behind one port of a container, those of bodies inside it included."""

    container: str
    port: str
    nodes: frozenset[str]


class FlowGraph(Struct, frozen=True, dict=True):
    """A flow as a graph. The nodes are in reading order, containers before what is in them; data edges are left out.

    Attributes:
        edges: connections of nodes, in the order of the source.
        bodies: the bodies of all containers, inner ones after outer ones.
        name: name of the flow; may be empty.
        detail: what identifies the source, for people: a path, a flow's id and version, or a number of runs.
        is_cut: the flow has more nodes or edges than are kept.
    """

    nodes: tuple[FlowNode, ...]
    edges: tuple[FlowEdge, ...]
    bodies: tuple[Body, ...] = ()
    name: str = ""
    origin: GraphOrigin = GraphOrigin.FILE
    detail: str = ""
    is_cut: bool = False

    @cached_property
    def by_id(self) -> Mapping[str, FlowNode]:
        """The nodes by id, in reading order."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """The index of each node in the reading order."""
        return {node.id: index for index, node in enumerate(self.nodes)}

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[int, ...]]:
        """For each node the indexes of the edges that leave it."""
        return _group(self.edges, [edge.source for edge in self.edges])

    @cached_property
    def incoming(self) -> Mapping[str, tuple[int, ...]]:
        """For each node the indexes of the edges that enter it."""
        return _group(self.edges, [edge.target for edge in self.edges])

    @cached_property
    def body_of(self) -> Mapping[str, Body]:
        """For each node that is in a body the innermost such body."""
        return {node: body for body in self.bodies for node in body.nodes}

    @cached_property
    def containers(self) -> frozenset[str]:
        """The nodes that have others in their bodies."""
        return frozenset(body.container for body in self.bodies)

    @property
    def is_inferred(self) -> bool:
        """True if the graph shows what runs did, and not the design."""
        return self.origin is GraphOrigin.INFERRED

    @property
    def is_likely(self) -> bool:
        """True if the graph fits the run, but nothing says that it is the one of its Core."""
        return self.origin is GraphOrigin.COVER

    @property
    def heading(self) -> str:
        """The source of the graph, for people. The name and the detail are foreign text."""
        if self.is_inferred:
            return f"order seen in {self.detail}, not the design"
        words = {
            GraphOrigin.FILE: "from the file",
            GraphOrigin.SCAIFLOW: "from ScaiFlow, deployed to this Core:",
            GraphOrigin.COVER: "likely, since it has all nodes of this run:",
        }
        return " ".join(filter(None, (self.name, words[self.origin], self.detail)))

    def parent_of(self, node_id: str) -> str | None:
        """Return the container whose body the node is in; None if it is in none, or not in the graph."""
        body = self.body_of.get(node_id)
        return None if body is None else body.container

    def depth_of(self, node_id: str) -> int:
        """Return the number of containers around a node."""
        depth, parent = 0, self.parent_of(node_id)
        while parent is not None:
            depth, parent = depth + 1, self.parent_of(parent)
        return depth

    def is_loop(self, node_id: str) -> bool:
        """Return true if the node repeats its body."""
        node = self.by_id.get(node_id)
        return node is not None and node.type in LOOP_TYPES

    def enters_body(self, edge: FlowEdge) -> bool:
        """Return true if the edge leads from a container into its body."""
        body = self.body_of.get(edge.target)
        return body is not None and body.container == edge.source

    def from_source(self, origin: GraphOrigin, detail: str) -> FlowGraph:
        """Return the same graph with another origin."""
        return replace(self, origin=origin, detail=detail)


def _group(edges: tuple[FlowEdge, ...], keys: Iterable[str]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, []).append(index)
    return {key: tuple(indexes) for key, indexes in found.items()}


def build_graph(document: FlowDocument, origin: GraphOrigin, detail: str) -> FlowGraph:
    """Return the graph of a decoded flow: bodies found, nodes in reading order."""
    edges = tuple(edge for edge in document.edges if edge.kind != _DATA)
    bodies = _find_bodies(document.nodes, edges)
    nodes = _in_reading_order(document.nodes, edges, bodies)
    return FlowGraph(nodes, edges, bodies, document.name, origin, detail, document.is_cut)


MIN_COVERED_NODES = 2


def best_cover(graphs: Iterable[FlowGraph], node_ids: Collection[str]) -> FlowGraph | None:
    """Return the graph that has all `node_ids` and the fewest other blocks; of equal ones the first.

    None if no graph has all of them, or if there are fewer than two: many flows would have a single node's id.
    """
    if len(node_ids) < MIN_COVERED_NODES:
        return None
    covering = [graph for graph in graphs if all(node_id in graph.by_id for node_id in node_ids)]
    return min(covering, key=block_count, default=None)


def block_count(graph: FlowGraph) -> int:
    """Return the number of nodes that have events: all but the entries."""
    return sum(node.type not in ENTRY_TYPES for node in graph.nodes)


def _find_bodies(nodes: Iterable[FlowNode], edges: Iterable[FlowEdge]) -> tuple[Body, ...]:
    """Return the bodies, outer ones before inner ones: all that a body port leads to, and no exit port."""
    targets: dict[str, list[FlowEdge]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge)
    containers = (node.id for node in nodes if node.type in CONTAINER_TYPES)
    found = islice((body for container in containers for body in _bodies_of(container, targets)), MAX_BODIES)
    bodies = sorted(found, key=lambda body: -len(body.nodes))
    while (container := _inside_itself(bodies)) is not None:
        bodies = [body for body in bodies if body.container != container]
    return tuple(bodies)


def _bodies_of(container: str, targets: Mapping[str, list[FlowEdge]]) -> Iterator[Body]:
    leaving = targets.get(container, [])
    outside = _reachable([edge.target for edge in leaving if edge.port in EXIT_PORTS], targets) | {container}
    for port in dict.fromkeys(edge.port for edge in leaving if edge.port not in EXIT_PORTS):
        inside = _reachable([edge.target for edge in leaving if edge.port == port], targets) - outside
        if inside:
            yield Body(container, port, frozenset(inside))


def _inside_itself(bodies: Iterable[Body]) -> str | None:
    """Return a container that is in its own body, or in that of one inside it: only a flow with a cycle has one."""
    parent = {node: body.container for body in bodies for node in body.nodes}
    for container in set(parent.values()):
        outer, seen = parent.get(container), {container}
        while outer is not None and outer not in seen:
            seen.add(outer)
            outer = parent.get(outer)
        if outer is not None:
            return outer
    return None


def _reachable(starts: Iterable[str], targets: Mapping[str, list[FlowEdge]]) -> set[str]:
    """Return `starts` and all nodes that control can reach from them."""
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            pending.extend(edge.target for edge in targets.get(current, ()))
    return reached


def _in_reading_order(
    nodes: tuple[FlowNode, ...], edges: tuple[FlowEdge, ...], bodies: tuple[Body, ...]
) -> tuple[FlowNode, ...]:
    """Return the nodes sorted: sources before targets, what is further left or higher on the canvas first.

    The body of a container follows it at once, one branch after the other. What is on a cycle, which a valid flow has
    not, keeps its order.
    """
    innermost = {node: body for body in bodies for node in body.nodes}
    bodies_of: dict[str, list[Body]] = {}
    for body in bodies:
        bodies_of.setdefault(body.container, []).append(body)
    by_id = {node.id: node for node in nodes}
    sort_keys = {node.id: (node.x, node.y, index) for index, node in enumerate(nodes)}

    def level(body: Body | None) -> Iterator[FlowNode]:
        members = [node for node in nodes if innermost.get(node.id) is body]
        for node_id in _sort_level(members, edges, sort_keys):
            yield by_id[node_id]
            inner = bodies_of.get(node_id, [])
            for branch in sorted(inner, key=lambda branch: min(sort_keys[node] for node in branch.nodes)[1:]):
                yield from level(branch)

    return tuple(level(None))


def _sort_level(
    members: list[FlowNode], edges: tuple[FlowEdge, ...], sort_keys: Mapping[str, tuple[float, float, int]]
) -> Iterator[str]:
    """Yield the nodes of one level: of those whose sources were yielded, always the first by `sort_keys`."""
    waits = {node.id: 0 for node in members}
    targets: dict[str, list[str]] = {}
    for edge in edges:
        if edge.source in waits and edge.target in waits and edge.source != edge.target:
            waits[edge.target] += 1
            targets.setdefault(edge.source, []).append(edge.target)
    ready = sorted((sort_keys[node_id], node_id) for node_id, count in waits.items() if not count)
    while waits:
        node_id = ready.pop(0)[1] if ready else min(waits, key=lambda name: sort_keys[name])
        del waits[node_id]
        yield node_id
        for target in targets.get(node_id, ()):
            if target in waits:
                waits[target] -= 1
                if not waits[target]:
                    insort(ready, (sort_keys[target], target))
