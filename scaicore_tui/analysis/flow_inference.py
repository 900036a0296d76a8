"""Infer a graph from the runs of a Core, where no design is known: the order in which these runs visited their nodes.

What is inferred is what was seen, and no more: a way that no run took is not in it, nor is any condition. A node is in
the body of a loop or parallel if it was visited while that was open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from scaicore_tui.analysis.flow_graph import CONTAINER_TYPES, PARALLEL_TYPES, FlowGraph, GraphOrigin, build_graph
from scaicore_tui.analysis.steps import RunSteps, Step, build_steps
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode
from scaicore_tui.runs.model import Run

SEEN = "seen"


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
        steps = build_steps(run)
        seen.run_count += any(step.node_id is not None for step in steps.steps)
        _observe(steps, seen)
    if not seen.kinds:
        return None
    nodes = tuple(FlowNode(node_id, kind) for node_id, kind in seen.kinds.items())
    detail = f"{seen.run_count} run{'s' if seen.run_count != 1 else ''}"
    return build_graph(FlowDocument(nodes, tuple(_edges(seen))), GraphOrigin.INFERRED, detail)


def _observe(run: RunSteps, seen: _Observations) -> None:
    """Note the facts of one run. Steps without a node id are left out, with what is in them."""
    for step in run.steps:
        if step.node_id is not None:
            seen.kinds.setdefault(step.node_id, step.block_kind or "")
            container = _container_of(run, step)
            seen.parents.setdefault(step.node_id, Counter())[container] += 1
    for parent, children in run.children.items():
        rounds: dict[int | None, list[Step]] = {}
        for index in children:
            step = run.steps[index]
            rounds.setdefault(step.iteration, []).append(step)
        kind = None if parent is None else run.steps[parent].block_kind
        for steps in rounds.values():
            _observe_sequence(steps, kind in PARALLEL_TYPES, seen)


def _container_of(run: RunSteps, step: Step) -> str | None:
    return None if step.parent is None else run.steps[step.parent].node_id


def _observe_sequence(steps: list[Step], is_parallel: bool, seen: _Observations) -> None:
    """Note what went before each step of one level: the node that ended last before it began."""
    names = set[str]()
    for step in steps:
        node_id = step.node_id
        if node_id is None or node_id in names or not step.entered_event:
            continue  # an attempt after the first, or not known
        names.add(node_id)
        before = {
            other.node_id: other.ended_event
            for other in steps
            if other.node_id is not None and other.node_id != node_id and 0 < other.ended_event < step.entered_event
        }
        last = max(before, key=lambda name: before[name], default=None)
        seen.sources.setdefault(node_id, Counter())[last] += 1
        if is_parallel:
            seen.befores[node_id] = seen.befores.get(node_id, frozenset(before)) & before.keys()


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
