"""An invalid flow is refused with the reasons."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.servers.grid.flow.validation import FlowError, read_graph, resolve_subflows
from tests.support.grid import edge, flow, node, returns

A = node("a", "tool_http", **returns(1))
B = node("b", "tool_http", **returns(2))
C = node("c", "tool_http", **returns(3))
FORK = node("fork", "logic_parallel")
PORT = {"node": "a", "port": "out"}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (flow([A, A], ["start > a"]), "node id 'a' is used 2 times"),
        (flow([A], ["start > a", "start > a"]), "edge id 'start > a' is used 2 times"),
        (flow([node("a", "tool_magic")], ["start > a"]), "node 'a' has the unknown type 'tool_magic'"),
        ({**flow([A], []), "nodes": [A]}, "it has no entry node"),
        (flow([A], ["start > a", "a > z"]), "edge 'a > z' leads to the missing node 'z'"),
        (flow([A], ["start > a", "a > start"]), "an edge leads into the entry node 'start'"),
        (flow([A, B], ["start > a", "a > b", "b.error > a"]), "the edges form a cycle"),
        (flow([A, B], ["start > a", "start > b"]), "port 'out' of 'start' leads to 2 nodes; only logic_parallel forks"),
        (flow([A, B], ["start > a"]), "nothing leads to node 'b'"),
        (flow([A], [edge("start > a", "true")]), "has a condition, but 'start' is no logic_decision"),
        (flow([A], [{**edge("start > a"), "type": "conditional"}]), "must be conditional and have a condition"),
        (
            flow([FORK, A, B], ["start > fork", "fork.one > a", "fork.two > b", "a > b"]),
            "edge 'a > b' leads into the body of 'fork' from outside",
        ),
        (
            flow([FORK, A, B], ["start > fork", "fork.one > a", "fork.done > b", "a > b"]),
            "edge 'fork.done > b' leads into the body of 'fork' from outside",
        ),
        (flow([node("a", "hitl_review")], ["start > a"]), "node 'a' offers no options"),
        (
            flow([node("a", "hitl_review", options=["yes"], deadline=5)], ["start > a"]),
            "node 'a' has a deadline, and must fail or continue after it",
        ),
        (
            flow(
                [node("a", "checkpoint", options=["yes"], expiry_action="continue", default_resolution="no")],
                ["start > a"],
            ),
            "node 'a' continues with 'no', which is none of its options",
        ),
        (flow([node("a", "subflow_call")], ["start > a"]), "node 'a' names no core_id"),
        (flow([node("a", "logic_loop")], ["start > a"]), "node 'a' must have either items or while"),
        (flow([node("a", "tool_http", url="{{open('x')}}")], ["start > a"]), "node 'a': only len, round and sum"),
        (flow([A], ["start > a"], config={"output": "{{1 +}}"}), "config: cannot read"),
        (flow([node("a", "tool_http", on_error={"retries": -1})], ["start > a"]), "node 'a': on_error.retries"),
        ({**flow([A], ["start > a"]), "version": "two"}, "version: "),
        ({**flow([A], ["start > a"]), "undocumented": 1}, "undocumented: "),
    ],
)
def test_an_error_in_a_flow_is_reported(document: dict[str, Any], error: str) -> None:
    with pytest.raises(FlowError, match="main") as raised:
        read_graph(document)
    assert any(error in found for found in raised.value.faults), raised.value.faults


def test_all_errors_of_a_kind_are_reported_together() -> None:
    with pytest.raises(FlowError) as raised:
        read_graph(flow([A, B], ["start > a", "a > y", "b > z"]))
    assert len(raised.value.faults) == 2


def test_a_valid_flow_is_parsed() -> None:
    graph = read_graph(flow([FORK, A, B, C], ["start > fork", "fork.one > a", "fork.two > b", "fork.done > c"]))
    assert graph.body_ports(graph.by_id["fork"]) == ["one", "two"]
    assert graph.next_node("fork", "done") == "c"


def test_an_api_call_starts_at_the_api_entry() -> None:
    document = flow([A], ["start > a", "hook > a"])
    document["nodes"].insert(0, node("hook", "entry_webhook"))
    graph = read_graph(document)
    assert [entry.id for entry in graph.entries] == ["hook", "start"]
    assert graph.entry.id == "start"


def _calling_flow(name: str, callee: str) -> dict[str, Any]:
    return flow([node("call", "subflow_call", core_id=callee)], ["start > call"], name=name)


def test_a_sub_flow_must_exist() -> None:
    with pytest.raises(FlowError, match="calls the missing core 'core_b'"):
        resolve_subflows([read_graph(_calling_flow("a", "core_b"))])


def test_sub_flows_cannot_call_their_callers() -> None:
    with pytest.raises(FlowError, match="calls itself through its sub-flows"):
        resolve_subflows([read_graph(_calling_flow("a", "core_b")), read_graph(_calling_flow("b", "core_a"))])
