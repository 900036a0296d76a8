"""Flows are decoded whatever their shape: known ones completely, unknown ones as nothing, and never with an error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.protocol.flows import (
    MAX_FLOWS,
    MAX_ID_CHARS,
    MAX_NODES,
    FlowEdge,
    FlowInfo,
    FlowNode,
    read_deployed_ids,
    read_flow,
    read_flow_listing,
)

NODES: list[dict[str, Any]] = [
    {"id": "start", "type": "entry_api", "label": "Start", "position": {"x": 80, "y": 40.5}, "config": {"a": [1]}},
    {"id": "end", "type": "tool_http"},
]
EDGES = [
    {
        "id": "e1",
        "type": "conditional",
        "source": {"node": "start", "port": "out"},
        "target": {"node": "end", "port": "in"},
        "condition": "input.n > 1",
    }
]
GRAPH = {"id": "flow_1", "name": "main", "version": 3, "nodes": NODES, "edges": EDGES}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "nodes", "edges", "items", "content", "data", "source", "target", "position", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


def test_a_graph_as_text_may_hold_half_a_character() -> None:
    graph = {"name": "half \ud800 of one", "nodes": [{"id": "start\ud800"}]}
    body = json.dumps({"content": json.dumps(graph, ensure_ascii=False)}).encode()
    flow = read_flow(body)
    assert flow is not None
    assert len(flow.nodes) == 1


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "document",
    [
        GRAPH,
        {"id": "flow_1", "name": "main", "version": 3, "content": GRAPH},
        {"id": "flow_1", "name": "main", "version": 3, "content": json.dumps(GRAPH)},
        {"status": "ok", "data": {"content": GRAPH}, "meta": {"request_id": "req_1"}},
        {"id": "flow_1", "name": "main", "version": 3, "definition": {"graph": {"nodes": NODES, "edges": EDGES}}},
        {**GRAPH, "nodes": {row["id"]: {key: row[key] for key in row if key != "id"} for row in NODES}},
        {
            **GRAPH,
            "edges": [
                {
                    "source": "start",
                    "sourceHandle": "out",
                    "target": "end",
                    "type": "conditional",
                    "condition": "input.n > 1",
                }
            ],
        },
    ],
)
def test_a_graph_is_found_in_every_usual_shape(document: dict[str, Any]) -> None:
    flow = read_flow(encode(document))
    assert flow is not None
    assert (flow.id, flow.name, flow.version, flow.is_cut) == ("flow_1", "main", "3", False)
    assert flow.nodes == (FlowNode("start", "entry_api", "Start", 80, 40.5), FlowNode("end", "tool_http"))
    assert flow.edges == (FlowEdge("start", "end", "out", "conditional", "input.n > 1"),)


def test_what_is_no_graph_is_nothing() -> None:
    nodes = [{"id": None}, {"label": "no id"}, 7, "x"]
    values: list[Any] = [{}, [], None, 1, "nodes", {"nodes": 1}, {"nodes": []}, {"nodes": nodes}, {"content": "{"}]
    for value in values:
        assert read_flow(encode(value)) is None
    for body in (b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"nodes": [{"id": "a"}', b'{"error": "no"}'):
        assert read_flow(body) is None
        assert read_flow_listing(body).flows == ()
        assert not read_deployed_ids(body) - {"no"}


def test_an_edge_to_nowhere_is_left_out() -> None:
    edges = [{"source": {"node": "start"}, "target": {"node": "gone"}}, {"source": "start"}, None, 7, *EDGES]
    flow = read_flow(encode({**GRAPH, "edges": edges}))
    assert flow is not None
    assert [edge.target for edge in flow.edges] == ["end"]


def test_a_graph_is_bounded() -> None:
    rows = [
        {"id": str(number) + "x" * 1_000, "position": {"x": 10**400, "y": 1e400}} for number in range(MAX_NODES + 1)
    ]
    flow = read_flow(encode({"nodes": rows, "edges": [{"source": "0", "target": "1"}] * 20_000}))
    assert flow is not None
    assert (len(flow.nodes), flow.is_cut) == (MAX_NODES, True)
    assert (len(flow.nodes[0].id), flow.nodes[0].x, flow.nodes[0].y) == (MAX_ID_CHARS, 0, 0)


@pytest.mark.parametrize(
    "listing",
    [
        {"items": [{"id": "flow_1", "name": "main", "version": 2}, {"name": "no id"}, 7], "total": 240},
        {"status": "ok", "data": {"flows": [{"id": "flow_1", "name": "main", "version": "2"}], "total": 240}},
    ],
)
def test_a_listing_has_flows_and_their_number(listing: dict[str, Any]) -> None:
    found = read_flow_listing(encode(listing))
    assert (found.flows, found.total) == ((FlowInfo("flow_1", "main", "2"),), 240)


def test_a_listing_is_bounded_and_may_be_bare() -> None:
    found = read_flow_listing(encode([{"id": f"flow_{number}"} for number in range(MAX_FLOWS + 5)]))
    assert len(found.flows) == found.total == MAX_FLOWS
    assert read_flow_listing(encode({"items": [{"id": "flow_1"}], "total": "many"})).total == 1


def test_a_deployment_may_have_the_core_anywhere() -> None:
    for rows in (
        {"items": [{"core_id": "core_main"}]},
        [{"target": {"core": {"id": "core_main"}}}],
        {"data": {"deployments": ["core_main"]}},
        {"core": "core_main"},
    ):
        assert "core_main" in read_deployed_ids(encode(rows))
    assert "core_main" not in read_deployed_ids(encode({"core_main": {"id": "x core_main"}}))


@given(JSON)
def test_no_json_is_an_error(value: Any) -> None:
    body = encode(value)
    flow = read_flow(body)
    if flow is not None:
        ids = {node.id for node in flow.nodes}
        assert len(ids) == len(flow.nodes) > 0
        assert {edge.source for edge in flow.edges} | {edge.target for edge in flow.edges} <= ids
    read_flow_listing(body)
    read_deployed_ids(body)


@given(st.binary(max_size=60))
def test_no_bytes_are_an_error(body: bytes) -> None:
    for source in (body, b'{"nodes": [' + body + b"]}"):
        read_flow(source)
        read_flow_listing(source)
        read_deployed_ids(source)
