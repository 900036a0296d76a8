"""The Cores that this grid hosts: the flow files that ship with it, read, validated and linked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib import resources

from scaicore_tui.grid.graph import Graph
from scaicore_tui.grid.validation import FlowError, read_graph

Cores = Mapping[str, Graph]
"""Core id → its flow."""


def shipped_cores() -> Cores:
    """The Cores of the flow files beside this module. Raises FlowError."""
    folder = resources.files("scaicore_tui.grid") / "flows"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return link(read_graph(json.loads(file.read_text("utf-8"))) for file in files)


def link(graphs: Iterable[Graph]) -> Cores:
    """The Cores that `graphs` make together: every sub-flow exists, and none comes back to its caller."""
    cores = {f"core_{graph.name}": graph for graph in graphs}
    calls = {core_id: _called(graph) for core_id, graph in cores.items()}
    for core_id, called in calls.items():
        if missing := called - cores.keys():
            raise FlowError(core_id, [f"it calls the missing core {name!r}" for name in sorted(missing)])
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        raise FlowError(error.args[1][0], ["it calls itself through its sub-flows"]) from error
    return cores


def _called(graph: Graph) -> set[str]:
    return {str(node.config["core_id"]) for node in graph.nodes if node.type == "subflow_call"}
