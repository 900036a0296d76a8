"""Whether a flow graph makes sense: it names every fault it finds, in words for the flow's author."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from scaicore_tui.grid.expression import ExpressionError, check
from scaicore_tui.grid.graph import Graph, Node
from scaicore_tui.grid.kinds import NODE_TYPES, REVIEW_TYPES
from scaicore_tui.grid.template import expressions


class FlowError(ValueError):
    """A flow that cannot be run; `faults` lists everything that is wrong with it."""

    def __init__(self, name: str, faults: list[str]) -> None:
        super().__init__(f"flow {name!r}: " + "; ".join(faults))
        self.faults = faults


def read_graph(document: Mapping[str, Any]) -> Graph:
    """The graph in `document`. Raises FlowError with all its faults."""
    name = str(document.get("name", "?"))
    try:
        graph = Graph.model_validate(document)
        broken = [fault for node in graph.nodes for fault in _unreadable_policy(node)]
    except ValidationError as error:
        raise FlowError(name, list(_shape_faults(error))) from error
    # Later checks rely on what earlier ones establish, so the first group with a fault speaks alone.
    for faults in (
        broken,
        _names(graph),
        _ends(graph),
        _cycle(graph),
        [*_walks(graph), *_regions(graph), *_texts(graph)],
    ):
        found = list(faults)
        if found:
            raise FlowError(name, found)
    return graph


def _shape_faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        yield f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _unreadable_policy(node: Node) -> Iterator[str]:
    try:
        _ = node.on_error
    except ValidationError as error:
        yield from (f"node {node.id!r}: on_error.{fault}" for fault in _shape_faults(error))


def _names(graph: Graph) -> Iterator[str]:
    for kind, ids in (("node", [node.id for node in graph.nodes]), ("edge", [edge.id for edge in graph.edges])):
        yield from (f"{kind} id {name!r} is used {times} times" for name, times in Counter(ids).items() if times > 1)
    for node in graph.nodes:
        if node.type not in NODE_TYPES:
            yield f"node {node.id!r} has the unknown type {node.type!r}"
    if not graph.entries:
        yield "there is no entry node"


def _ends(graph: Graph) -> Iterator[str]:
    for edge in graph.edges:
        for end in (edge.source, edge.target):
            if end.node not in graph.by_id:
                yield f"edge {edge.id!r} leads to the missing node {end.node!r}"
    for entry in graph.entries:
        if any(edge.target.node == entry.id for edge in graph.edges):
            yield f"an edge leads into the entry node {entry.id!r}"


def _cycle(graph: Graph) -> Iterator[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in graph.edges:
        sorter.add(edge.target.node, edge.source.node)
    try:
        sorter.prepare()
    except CycleError as error:
        yield "the edges run in a circle: " + " → ".join(reversed(error.args[1]))


def _walks(graph: Graph) -> Iterator[str]:
    """One token walks: a port leads to one place, and only a decision chooses by condition."""
    for node in graph.nodes:
        ports = Counter(edge.source.port for edge in graph.leaving(node.id))
        for port, times in ports.items():
            if times > 1:
                yield f"port {port!r} of {node.id!r} leads to {times} nodes; only logic_parallel forks"
        for edge in graph.leaving(node.id):
            if (edge.type == "conditional") != (edge.condition is not None):
                yield f"edge {edge.id!r} must be conditional and have a condition, or neither"
            if edge.condition is not None and node.type != "logic_decision":
                yield f"edge {edge.id!r} has a condition, but {node.id!r} is no logic_decision"
    yield from (f"nothing leads to node {name!r}" for name in _unreached(graph))


def _unreached(graph: Graph) -> set[str]:
    led_to = {edge.target.node for edge in graph.edges if edge.type != "data"}
    return set(graph.by_id) - led_to - {entry.id for entry in graph.entries}


def _regions(graph: Graph) -> Iterator[str]:
    """The nodes behind a body port belong to the container alone: nothing enters from elsewhere."""
    for node in graph.nodes:
        for port in graph.body_ports(node):
            inside = graph.behind(node.id, port)
            for edge in graph.edges:
                outside = edge.source.node not in inside and (edge.source.node, edge.source.port) != (node.id, port)
                if edge.type != "data" and edge.target.node in inside and outside:
                    yield f"edge {edge.id!r} leads into the body of {node.id!r} from outside"


def _texts(graph: Graph) -> Iterator[str]:
    for edge in graph.edges:
        yield from _expression_fault(f"edge {edge.id!r}", edge.condition)
    for text in expressions(graph.config):
        yield from _expression_fault("config", text)
    for node in graph.nodes:
        for text in expressions(node.config):
            yield from _expression_fault(f"node {node.id!r}", text)
        yield from _missing_settings(node)


def _missing_settings(node: Node) -> Iterator[str]:
    if node.type in REVIEW_TYPES:
        yield from _question_faults(node)
    if node.type == "subflow_call" and "core_id" not in node.config:
        yield f"node {node.id!r} names no core_id"
    if node.type == "logic_loop" and ("items" in node.config) == ("while" in node.config):
        yield f"node {node.id!r} must have either items or while"


def _question_faults(node: Node) -> Iterator[str]:
    options, default = node.config.get("options", []), node.config.get("default_resolution")
    ids = [option["id"] if isinstance(option, Mapping) else option for option in options]
    if not ids:
        yield f"node {node.id!r} offers no options"
    if "deadline" in node.config and node.config.get("expiry_action") not in {"fail", "continue"}:
        yield f"node {node.id!r} has a deadline, and must fail or continue after it"
    if node.config.get("expiry_action") == "continue" and default not in ids:
        yield f"node {node.id!r} continues with {default!r}, which is none of its options"


def _expression_fault(where: str, text: str | None) -> Iterator[str]:
    if text is None:
        return
    try:
        check(text)
    except ExpressionError as error:
        yield f"{where}: {error}"
