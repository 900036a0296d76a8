"""The flow graph of schema v2, and the queries that the engine makes of one.

This module knows only the shape of a graph; `validation` decides whether a graph makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scaicore_tui.servers.grid.flow.node_types import CONTAINER_TYPES, ENTRY_TYPES, block_kind

OUT_PORT = "out"
DONE_PORT = "done"
ERROR_PORT = "error"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Position(_Frozen):
    """The place of a node on the canvas, in pixels."""

    x: float
    y: float


class OnError(_Frozen):
    """A node's reaction to its failure: retry, waiting `delay` seconds each time, then continue with `fallback`."""

    retries: int = Field(default=0, ge=0, le=10)
    delay: float = Field(default=0.0, ge=0)
    fallback: Any = None


class Node(_Frozen):
    """A block on the canvas."""

    id: str
    type: str
    label: str
    position: Position
    config: Mapping[str, Any] = {}
    inputs: list[str] = []
    outputs: list[str] = []
    breakpoint: bool = False

    @cached_property
    def binding(self) -> str:
        """Return the name under which later nodes find the result."""
        return str(self.config.get("bind", self.id))

    @cached_property
    def on_error(self) -> OnError:
        """Return the reaction to failures. Raises pydantic's ValidationError."""
        return OnError.model_validate(self.config.get("on_error", {}))

    @cached_property
    def block_kind(self) -> str:
        """Return the block kind that events carry."""
        return block_kind(self.type, self.config)


class Port(_Frozen):
    """One end of an edge."""

    node: str
    port: str


class Edge(_Frozen):
    """A connection between two ports. Type `data` carries a value; the other types carry control."""

    id: str
    type: Literal["sequential", "conditional", "data"]
    source: Port
    target: Port
    condition: str | None = None


class Graph(_Frozen):
    """A complete flow. Only `logic_parallel` forks: elsewhere, control is a single token that moves along the edges."""

    id: str
    name: str
    version: int
    nodes: list[Node]
    edges: list[Edge]
    variables: Mapping[str, Any] = {}
    config: Mapping[str, Any] = {}
    tests: list[Mapping[str, Any]] = []

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """Return the nodes by id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def entries(self) -> list[Node]:
        """Return the nodes at which a run can start."""
        return [node for node in self.nodes if node.type in ENTRY_TYPES]

    @cached_property
    def entry(self) -> Node:
        """Return the node at which a call from outside starts: the API entry if there is one, otherwise the first
        entry.
        """
        return next((node for node in self.entries if node.type == "entry_api"), self.entries[0])

    def control_edges_from(self, node_id: str) -> Iterator[Edge]:
        """Return the control edges that leave a node, in the order of the file."""
        return (edge for edge in self.edges if edge.source.node == node_id and edge.type != "data")

    def next_node(self, node_id: str, port: str) -> str | None:
        """Return the id of the node that control moves to from `port`; None if the port leads nowhere."""
        return next((edge.target.node for edge in self.control_edges_from(node_id) if edge.source.port == port), None)

    def data_edges_into(self, node_id: str) -> Iterator[Edge]:
        """Return the data edges that enter a node."""
        return (edge for edge in self.edges if edge.target.node == node_id and edge.type == "data")

    def body_ports(self, node: Node) -> list[str]:
        """Return the ports of a container that lead into its bodies, in the order of the file."""
        if node.type not in CONTAINER_TYPES:
            return []
        ports = (edge.source.port for edge in self.control_edges_from(node.id))
        return [port for port in dict.fromkeys(ports) if port not in {DONE_PORT, ERROR_PORT}]

    def reachable_from(self, node_id: str, port: str) -> frozenset[str]:
        """Return the ids of all nodes that control can reach from `port`."""
        reached: set[str] = set()
        pending = [edge.target.node for edge in self.control_edges_from(node_id) if edge.source.port == port]
        while pending:
            current = pending.pop()
            if current not in reached:
                reached.add(current)
                pending.extend(edge.target.node for edge in self.control_edges_from(current))
        return frozenset(reached)
