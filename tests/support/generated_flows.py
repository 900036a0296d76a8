"""Flows made at random, executed by the embedded engine, which knows what the events do not tell.

Loops, parallels, nesting, retries, sub-flows and people who answer. The path of an engine's step has its container,
iteration and attempt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from scaicore_tui.protocol import decode_event
from scaicore_tui.protocol.events import Event
from scaicore_tui.servers.grid.engine.steps import StepLog
from scaicore_tui.servers.grid.flow.graph import Graph, Node
from scaicore_tui.servers.grid.flow.validation import read_graph
from tests.support.grid import Bench, edge, node, run_on_bench

MAX_DEPTH, MAX_CHAIN = 3, 3
CHILD_CORE = "core_child"
_POLL_S = 1.0
_LEAVES = ("tool_http", "llm_rigid", "llm_guarded", "tool_plugin", "data_variable_set", "hitl_review", "subflow_call")


@dataclass
class FlowMaker:
    """Builds one flow."""

    rng: Random
    nodes: list[dict[str, Any]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)

    def chain(self, depth: int, source: str) -> None:
        """Add nodes behind `source`, a node and its port, one after the other."""
        for _ in range(self.rng.randint(1, MAX_CHAIN)):
            added = self._node(depth)
            self.edges.append(edge(f"{source} > {added['id']}"))
            source = f"{added['id']}.{'done' if added['type'].startswith('logic_') else 'out'}"
            if added["config"].get("by_error"):
                del added["config"]["by_error"]
                after = self._leaf()
                self.edges.append(edge(f"{added['id']}.error > {after['id']}"))

    def _node(self, depth: int) -> dict[str, Any]:
        kind = self.rng.choice(["loop", "while", "parallel", "leaf", "leaf", "leaf"]) if depth < MAX_DEPTH else "leaf"
        if kind == "leaf":
            return self._leaf()
        name = f"{kind}{len(self.nodes)}"
        retries = self._retries() if self.rng.random() < 0.3 else {}
        if kind == "parallel":
            return self._container(node(name, "logic_parallel", **retries), depth, range(self.rng.randint(2, 3)))
        rounds = self.rng.randint(0, 4)
        repeats: dict[str, Any] = {"items": list(range(rounds))} if kind == "loop" else {"while": f"{rounds} > 0"}
        limit = {} if kind == "loop" else {"limit": rounds}
        return self._container(node(name, "logic_loop", **repeats, **limit, **retries), depth, ["body"])

    def _container(self, container: dict[str, Any], depth: int, ports: Any) -> dict[str, Any]:
        self.nodes.append(container)
        for port in ports:
            self.chain(depth + 1, f"{container['id']}.{port}")
        return container

    def _leaf(self) -> dict[str, Any]:
        kind = self.rng.choice(_LEAVES)
        more: dict[str, Any] = {}
        if kind == "data_variable_set":
            more = {"set": {"seen": True}}
        elif kind == "hitl_review":
            more = {"title": "Go on?", "options": ["yes"]}
        elif kind == "subflow_call":
            more = {"core_id": CHILD_CORE, "input": {}}
        else:
            more = {"simulate": self._simulation()} | self._retries()
            more |= {"by_error": True} if self.rng.random() < 0.15 else {}
        leaf = node(f"n{len(self.nodes)}", kind, **more)
        self.nodes.append(leaf)
        return leaf

    def _simulation(self) -> dict[str, Any]:
        latency = self.rng.choice([[0, 0], [1, 1], [0.1, 3]])
        failure = {"error": {"code": "BROKEN", "message": "no"}, "weight": self.rng.choice([0, 0, 1, 2])}
        return {"latency": latency, "outcomes": [{"result": 1, "weight": 3}, failure]}

    def _retries(self) -> dict[str, Any]:
        fallback = {} if self.rng.random() < 0.2 else {"fallback": 0}
        return {"on_error": {"retries": self.rng.randint(0, 3), "delay": self.rng.choice([0, 0.5, 2]), **fallback}}


def make_flow(seed: int) -> dict[str, Any]:
    """Return the document of a random flow."""
    maker = FlowMaker(Random(seed))  # noqa: S311
    maker.chain(0, "start")
    return {
        "id": "flow_1",
        "name": "main",
        "version": 2,
        "nodes": [node("start", "entry_api"), *maker.nodes],
        "edges": maker.edges,
    }


_CHILD = {
    "id": "flow_2",
    "name": "child",
    "version": 1,
    "nodes": [node("start", "entry_api"), node("look_up", "tool_http")],
    "edges": [edge("start > look_up")],
}


@dataclass(frozen=True)
class Execution:
    """A run of a generated flow: its events, and for each enter event, oldest first, the path of the engine's step."""

    id: str
    graph: Graph
    events: list[Event]
    paths: list[str]


def execute(seed: int) -> Execution:
    """Run the flow of `seed` to its end in virtual time; people answer at once, or later."""
    document = make_flow(seed)
    entered: list[tuple[str, str]] = []
    original = StepLog.enter

    def enter(self: StepLog, path: str, entered_node: Node) -> None:
        if not self.has(path):
            entered.append((self._execution_id, path))
        original(self, path, entered_node)

    async def work(bench: Bench) -> str:
        run = bench.engine.start("core_main", {})
        rng = Random(seed)  # noqa: S311
        while bench.status(run.execution.id) in {"running", "suspended"}:
            for waiting in bench.pending():
                if rng.random() < 0.5:
                    bench.checkpoints.resolve(waiting, "yes", by="usr_test")
            await bench.clock.sleep(_POLL_S)
        documents.extend(bench.store.events())
        return run.execution.id

    documents: list[Mapping[str, Any]] = []
    with patch.object(StepLog, "enter", enter):
        execution_id = run_on_bench([document, _CHILD], work, seed=seed)
    events = [decode_event(json.dumps(row).encode()) for row in documents]
    own = [event for event in events if event.execution_id == execution_id]
    return Execution(execution_id, read_graph(document), own, [path for run, path in entered if run == execution_id])


@dataclass(frozen=True)
class Place:
    """The truth of one step. `parent` is the path of its container's step; `attempt` is None if it was the only one."""

    node_id: str
    parent: str | None
    iteration: int | None
    attempt: int | None


def places(execution: Execution) -> Iterator[Place]:
    """Yield the place of each step, in the order of their enter events."""
    attempts: dict[str, int] = {}
    for path in execution.paths:
        passage = path.rpartition("~")[0]
        attempts[passage] = attempts.get(passage, 0) + 1
    for path in execution.paths:
        passage, _, attempt = path.rpartition("~")
        around, _, node_id = passage.rpartition("/")
        parent, iteration = (around or None), None
        if around.endswith("]"):
            parent, _, number = around[:-1].rpartition("[")
            iteration = int(number) + 1
        elif around:
            parent = around.rpartition(".")[0]
        yield Place(node_id, parent, iteration, int(attempt) + 1 if attempts[passage] > 1 else None)
