"""Validates flow graphs, and loads the Cores that ship with the grid.

Validation reports every fault it finds, in words for the author of the flow.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from typing import Any

from pydantic import ValidationError

from scaicore_tui.servers.grid.flow.expression import ExpressionError, check_expression
from scaicore_tui.servers.grid.flow.graph import Graph, Node
from scaicore_tui.servers.grid.flow.node_types import NODE_TYPES, REVIEW_TYPES
from scaicore_tui.servers.grid.flow.template import expressions

Cores = Mapping[str, Graph]
"""The flow graph of each Core, by Core id."""


class FlowError(ValueError):
    """A flow that cannot be run; `faults` lists everything that is wrong with it."""

    def __init__(self, name: str, faults: list[str]) -> None:
        super().__init__(f"flow {name!r}: " + "; ".join(faults))
        self.faults = faults


def read_graph(document: Mapping[str, Any]) -> Graph:
    """Return the graph in `document`. Raises FlowError with all its faults."""
    name = str(document.get("name", "?"))
    try:
        graph = Graph.model_validate(document)
        broken = [fault for node in graph.nodes for fault in _on_error_faults(node)]
    except ValidationError as error:
        raise FlowError(name, list(_shape_faults(error))) from error
    # Later groups rely on the earlier ones, so only the first group with faults is reported.
    for faults in (
        broken,
        _id_faults(graph),
        _endpoint_faults(graph),
        _cycle_faults(graph),
        [*_routing_faults(graph), *_body_faults(graph), *_config_faults(graph)],
    ):
        found = list(faults)
        if found:
            raise FlowError(name, found)
    return graph


def _shape_faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        yield f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _on_error_faults(node: Node) -> Iterator[str]:
    try:
        _ = node.on_error
    except ValidationError as error:
        yield from (f"node {node.id!r}: on_error.{fault}" for fault in _shape_faults(error))


def _id_faults(graph: Graph) -> Iterator[str]:
    for kind, ids in (("node", [node.id for node in graph.nodes]), ("edge", [edge.id for edge in graph.edges])):
        yield from (f"{kind} id {name!r} is used {times} times" for name, times in Counter(ids).items() if times > 1)
    for node in graph.nodes:
        if node.type not in NODE_TYPES:
            yield f"node {node.id!r} has the unknown type {node.type!r}"
    if not graph.entries:
        yield "it has no entry node"


def _endpoint_faults(graph: Graph) -> Iterator[str]:
    for edge in graph.edges:
        for end in (edge.source, edge.target):
            if end.node not in graph.by_id:
                yield f"edge {edge.id!r} leads to the missing node {end.node!r}"
    for entry in graph.entries:
        if any(edge.target.node == entry.id for edge in graph.edges):
            yield f"an edge leads into the entry node {entry.id!r}"


def _cycle_faults(graph: Graph) -> Iterator[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in graph.edges:
        sorter.add(edge.target.node, edge.source.node)
    try:
        sorter.prepare()
    except CycleError as error:
        yield "the edges form a cycle: " + " → ".join(reversed(error.args[1]))


def _routing_faults(graph: Graph) -> Iterator[str]:
    """Control is one token: a port leads to one node, and only a decision chooses by condition."""
    for node in graph.nodes:
        ports = Counter(edge.source.port for edge in graph.control_edges_from(node.id))
        for port, times in ports.items():
            if times > 1:
                yield f"port {port!r} of {node.id!r} leads to {times} nodes; only logic_parallel forks"
        for edge in graph.control_edges_from(node.id):
            if (edge.type == "conditional") != (edge.condition is not None):
                yield f"edge {edge.id!r} must be conditional and have a condition, or neither"
            if edge.condition is not None and node.type != "logic_decision":
                yield f"edge {edge.id!r} has a condition, but {node.id!r} is no logic_decision"
    yield from (f"nothing leads to node {name!r}" for name in _unreachable_nodes(graph))


def _unreachable_nodes(graph: Graph) -> set[str]:
    led_to = {edge.target.node for edge in graph.edges if edge.type != "data"}
    return set(graph.by_id) - led_to - {entry.id for entry in graph.entries}


def _body_faults(graph: Graph) -> Iterator[str]:
    """The nodes behind a body port belong to the container alone: no edge enters from elsewhere."""
    for node in graph.nodes:
        for port in graph.body_ports(node):
            inside = graph.reachable_from(node.id, port)
            for edge in graph.edges:
                outside = edge.source.node not in inside and (edge.source.node, edge.source.port) != (node.id, port)
                if edge.type != "data" and edge.target.node in inside and outside:
                    yield f"edge {edge.id!r} leads into the body of {node.id!r} from outside"


def _config_faults(graph: Graph) -> Iterator[str]:
    for edge in graph.edges:
        yield from _expression_faults(f"edge {edge.id!r}", edge.condition)
    for text in expressions(graph.config):
        yield from _expression_faults("config", text)
    for node in graph.nodes:
        for text in expressions(node.config):
            yield from _expression_faults(f"node {node.id!r}", text)
        yield from _setting_faults(node)


def _setting_faults(node: Node) -> Iterator[str]:
    if node.type in REVIEW_TYPES:
        yield from _checkpoint_faults(node)
    if node.type == "subflow_call" and "core_id" not in node.config:
        yield f"node {node.id!r} names no core_id"
    if node.type == "logic_loop" and ("items" in node.config) == ("while" in node.config):
        yield f"node {node.id!r} must have either items or while"


def _checkpoint_faults(node: Node) -> Iterator[str]:
    options, default = node.config.get("options", []), node.config.get("default_resolution")
    ids = [option["id"] if isinstance(option, Mapping) else option for option in options]
    if not ids:
        yield f"node {node.id!r} offers no options"
    if "deadline" in node.config and node.config.get("expiry_action") not in {"fail", "continue"}:
        yield f"node {node.id!r} has a deadline, and must fail or continue after it"
    if node.config.get("expiry_action") == "continue" and default not in ids:
        yield f"node {node.id!r} continues with {default!r}, which is none of its options"


def _expression_faults(where: str, text: str | None) -> Iterator[str]:
    if text is None:
        return
    try:
        check_expression(text)
    except ExpressionError as error:
        yield f"{where}: {error}"


def load_shipped_cores() -> Cores:
    """Load the Cores of the flow files in this package. Raises FlowError."""
    folder = resources.files("scaicore_tui.servers.grid") / "flows"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return resolve_subflows(read_graph(json.loads(file.read_text("utf-8"))) for file in files)


def resolve_subflows(graphs: Iterable[Graph]) -> Cores:
    """Return the Cores that `graphs` form, by id. Raises FlowError if a sub-flow is missing, or calls its caller."""
    cores = {f"core_{graph.name}": graph for graph in graphs}
    calls = {core_id: _called_cores(graph) for core_id, graph in cores.items()}
    for core_id, called in calls.items():
        if missing := called - cores.keys():
            raise FlowError(core_id, [f"it calls the missing core {name!r}" for name in sorted(missing)])
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        raise FlowError(error.args[1][0], ["it calls itself through its sub-flows"]) from error
    return cores


def _called_cores(graph: Graph) -> set[str]:
    return {str(node.config["core_id"]) for node in graph.nodes if node.type == "subflow_call"}
