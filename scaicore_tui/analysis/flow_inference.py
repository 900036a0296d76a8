"""Infer a graph from the runs of a Core, where no design is known: the order in which these runs visited their nodes.

What is inferred is what was seen, and no more: a way that no run took is not in it, nor is any condition. A node is in
the body of a loop or parallel if it was visited while that was open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from scaicore_tui.analysis.flow_graph import (
    CONTAINER_TYPES,
    LOOP_TYPES,
    PARALLEL_TYPES,
    FlowGraph,
    GraphOrigin,
    build_graph,
)
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode
from scaicore_tui.runs.model import NodeState, Run
from scaicore_tui.units import Micros

# Visits of one node in one run that are looked at.
MAX_VISITS_PER_NODE = 200
SEEN = "seen"
_FOR_EVER = 2**62


class _Span(Struct, eq=False):
    """A visit in time. `parent` is the visit of the container that encloses it."""

    node_id: str
    kind: str
    begin: Micros
    end: Micros
    has_failed: bool
    parent: _Span | None = None
    children: list[_Span] = field(default_factory=list)


class _Observations(Struct):
    """The facts that the runs showed: kinds of nodes, how often each container enclosed a node, what went before it.

    `befores` has for each visit in a parallel the nodes that ended in the same one before: any of them may have led to
    it, while of those in a sequence the last one did.
    """

    kinds: dict[str, str] = field(default_factory=dict)
    parents: dict[str, Counter[str | None]] = field(default_factory=dict)
    sources: dict[str, Counter[str | None]] = field(default_factory=dict)
    befores: dict[str, frozenset[str]] = field(default_factory=dict)
    run_count: int = 0


def infer_graph(runs: Iterable[Run]) -> FlowGraph | None:
    """Return the order in which `runs` visited their nodes as a graph; None if no run visited a node with an id."""
    seen = _Observations()
    for run in runs:
        spans = _spans_of(run)
        seen.run_count += bool(spans)
        _observe(spans, seen)
    if not seen.kinds:
        return None
    nodes = tuple(FlowNode(node_id, kind) for node_id, kind in seen.kinds.items())
    detail = f"{seen.run_count} run{'s' if seen.run_count != 1 else ''}"
    return build_graph(FlowDocument(nodes, tuple(_edges(seen))), GraphOrigin.INFERRED, detail)


def _spans_of(run: Run) -> list[_Span]:
    """Return the visits of a run by their begin, each with the container around it."""
    spans = [
        _Span(
            node.node_id,
            node.block_kind or "",
            visit.entered_at,
            _FOR_EVER if visit.ended_at is None else max(visit.ended_at, visit.entered_at),
            visit.state is NodeState.FAILED,
        )
        for node in run.nodes.values()
        if node.node_id is not None
        for visit in node.visits[-MAX_VISITS_PER_NODE:]
        if visit.entered_at is not None
    ]
    # Of visits that began at once, a container goes before what is in it, and what took no time before what followed.
    spans.sort(key=lambda span: (span.begin, span.kind not in CONTAINER_TYPES, span.end))
    open_containers: list[_Span] = []
    for span in spans:
        open_containers = [outer for outer in open_containers if outer.end >= span.begin]
        around = [outer for outer in open_containers if outer.end >= span.end and outer.node_id != span.node_id]
        span.parent = around[-1] if around else None
        if span.parent is not None:
            span.parent.children.append(span)
        if span.kind in CONTAINER_TYPES:
            open_containers.append(span)
    return spans


def _observe(spans: list[_Span], seen: _Observations) -> None:
    for span in spans:
        seen.kinds.setdefault(span.node_id, span.kind)
        parent = None if span.parent is None else span.parent.node_id
        seen.parents.setdefault(span.node_id, Counter())[parent] += 1
    _observe_sequence([span for span in spans if span.parent is None], None, seen)
    for outer in spans:
        for round_ in _rounds(outer):
            _observe_sequence(round_, outer, seen)


def _rounds(outer: _Span) -> Iterator[list[_Span]]:
    """Yield what a container enclosed; of a loop, round by round: a new one begins where a node comes again."""
    current: list[_Span] = []
    for span in outer.children:
        is_retry = bool(current) and current[-1].node_id == span.node_id and current[-1].has_failed
        if outer.kind in LOOP_TYPES and not is_retry and any(span.node_id == other.node_id for other in current):
            yield current
            current = []
        current.append(span)
    if current:
        yield current


def _observe_sequence(spans: list[_Span], outer: _Span | None, seen: _Observations) -> None:
    """Note what went before each visit of one level: the node that ended last before it began."""
    for index, span in enumerate(spans):
        before = [other for other in reversed(spans[:index]) if other.end <= span.begin]
        if any(other.node_id == span.node_id for other in spans[:index]):
            continue  # an attempt after the first
        last = max(before, key=lambda other: other.end, default=None)
        seen.sources.setdefault(span.node_id, Counter())[None if last is None else last.node_id] += 1
        if outer is not None and outer.kind in PARALLEL_TYPES:
            names = frozenset(other.node_id for other in before)
            seen.befores[span.node_id] = seen.befores.get(span.node_id, names) & names


def _edges(seen: _Observations) -> Iterator[FlowEdge]:
    parents = {node_id: max(counts, key=lambda name: counts[name]) for node_id, counts in seen.parents.items()}
    for node_id, counts in seen.sources.items():
        parent = parents[node_id]
        for source in _likely_sources(node_id, counts, seen):
            if source is not None and parents[source] == parent:
                port = "done" if seen.kinds[source] in CONTAINER_TYPES else ""
                yield FlowEdge(source, node_id, port, SEEN)
            elif source is None and parent is not None:
                # Each branch of a parallel is a body of its own.
                is_branch = seen.kinds[parent] in PARALLEL_TYPES
                yield FlowEdge(parent, node_id, f"body {node_id}" if is_branch else "body", SEEN)


def _likely_sources(node_id: str, counts: Counter[str | None], seen: _Observations) -> list[str | None]:
    """Return what may lead to a node: in a parallel only what always ended before it, else all that was seen."""
    always = seen.befores.get(node_id)
    if always is None:
        return list(counts)
    return [max(always, key=lambda name: (counts[name], name))] if always else [None]
