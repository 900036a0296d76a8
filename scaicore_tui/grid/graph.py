"""A flow graph as schema v2 writes it, and the questions the engine asks of one.

It knows the shape only; whether a graph makes sense is `validation`'s question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scaicore_tui.grid.kinds import CONTAINER_TYPES, ENTRY_TYPES, block_kind

OUT = "out"
DONE = "done"
ERROR = "error"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Position(_Frozen):
    """Where the canvas draws a node, in pixels."""

    x: float
    y: float


class OnError(_Frozen):
    """What a node does about its failure: try again, after `delay` seconds each time, then go on with `fallback`."""

    retries: int = Field(default=0, ge=0, le=10)
    delay: float = Field(default=0.0, ge=0)
    fallback: Any = None


class Node(_Frozen):
    """One box on the canvas."""

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
        """The name under which later nodes find the result."""
        return str(self.config.get("bind", self.id))

    @cached_property
    def on_error(self) -> OnError:
        return OnError.model_validate(self.config.get("on_error", {}))

    @cached_property
    def block_kind(self) -> str:
        return block_kind(self.type, self.config)


class Port(_Frozen):
    """One end of an edge."""

    node: str
    port: str


class Edge(_Frozen):
    """A line between two ports: the way of control, or with type `data` a value's."""

    id: str
    type: Literal["sequential", "conditional", "data"]
    source: Port
    target: Port
    condition: str | None = None


class Graph(_Frozen):
    """A whole flow. Fan-out happens in `logic_parallel` only: control is one token that walks along the edges."""

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
        return {node.id: node for node in self.nodes}

    @cached_property
    def entries(self) -> list[Node]:
        return [node for node in self.nodes if node.type in ENTRY_TYPES]

    @cached_property
    def entry(self) -> Node:
        """Where a call from outside begins: at the API's entry, if there is one."""
        return next((node for node in self.entries if node.type == "entry_api"), self.entries[0])

    def leaving(self, node_id: str) -> Iterator[Edge]:
        """The control edges out of a node, in the order of the file."""
        return (edge for edge in self.edges if edge.source.node == node_id and edge.type != "data")

    def after(self, node_id: str, port: str) -> str | None:
        """The node that control goes to from `port`, None at the end of a walk."""
        return next((edge.target.node for edge in self.leaving(node_id) if edge.source.port == port), None)

    def feeding(self, node_id: str) -> Iterator[Edge]:
        """The data edges into a node."""
        return (edge for edge in self.edges if edge.target.node == node_id and edge.type == "data")

    def body_ports(self, node: Node) -> list[str]:
        """The ports of a container behind which the nodes are its own, in the order of the file."""
        if node.type not in CONTAINER_TYPES:
            return []
        ports = (edge.source.port for edge in self.leaving(node.id))
        return [port for port in dict.fromkeys(ports) if port not in {DONE, ERROR}]

    def behind(self, node_id: str, port: str) -> frozenset[str]:
        """Every node that control can reach from `port`."""
        found: set[str] = set()
        ahead = [edge.target.node for edge in self.leaving(node_id) if edge.source.port == port]
        while ahead:
            here = ahead.pop()
            if here not in found:
                found.add(here)
                ahead.extend(edge.target.node for edge in self.leaving(here))
        return frozenset(found)
