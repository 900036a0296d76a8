"""Graphs of flows for tests: from short lines, and those of the demo."""

from __future__ import annotations

import json

from scaicore_tui.analysis.flow_graph import FlowGraph, GraphOrigin, build_graph
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode, read_flow
from scaicore_tui.servers.grid.flow.graph import Graph
from scaicore_tui.servers.grid.flow.validation import load_shipped_cores


def build(*lines: str, **types: str) -> FlowGraph:
    """Return the graph of lines such as `a.port > b`; `types` are those of some nodes."""
    edges = []
    for line in lines:
        source, target = (part.strip() for part in line.split(">"))
        name, _, port = source.partition(".")
        edges.append(FlowEdge(name, target, port or "out"))
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    nodes = tuple(FlowNode(name, types.get(name, "tool_http")) for name in names)
    return build_graph(FlowDocument(nodes, tuple(edges), name="main"), GraphOrigin.FILE, "main.json")


def client_graph(graph: Graph) -> FlowGraph:
    """Return a graph of the embedded server, as a client reads it."""
    document = read_flow(json.dumps(graph.model_dump(mode="json")).encode())
    assert document is not None
    return build_graph(document, GraphOrigin.FILE, f"{graph.name}.json")


def shipped(core_id: str) -> FlowGraph:
    """Return the graph of one of the demo's flows."""
    return client_graph(load_shipped_cores()[core_id])
