"""The graph of a flow: bodies of loops and parallels, the reading order, and flows that are not valid."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.flow_graph import MAX_BODIES, FlowGraph, GraphOrigin, best_cover, build_graph
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode
from tests.support.flow_graphs import build, shipped

TYPES = ["entry_api", "logic_loop", "logic_parallel", "tool_http", "logic_decision", ""]
PORTS = ["out", "done", "body", "error", "left", ""]


def outline(graph: FlowGraph) -> list[str]:
    """Return the nodes in reading order, indented by their depth."""
    return ["  " * graph.depth_of(node.id) + node.id for node in graph.nodes]


def test_the_bodies_of_the_research_flow() -> None:
    graph = shipped("core_research")
    assert outline(graph) == [
        "asked",
        "plan",
        "gather",
        "  search_web",
        "  read_page",
        "  search_papers",
        "  check_claim",
        "  search_news",
        "  find_figures",
        "needs_editor",
        "choose_angle",
        "write",
        "polish",
        "  critique",
        "  raise_score",
    ]
    assert graph.containers == {"gather", "polish"}
    ports = {body.port for body in graph.bodies if body.container == "gather"}
    assert ports == {"web", "papers", "check", "news", "figures"}
    assert (graph.parent_of("raise_score"), graph.parent_of("polish"), graph.parent_of("none")) == (
        "polish",
        None,
        None,
    )
    assert (graph.is_loop("polish"), graph.is_loop("gather"), graph.is_loop("none")) == (True, False, False)


def test_bodies_nest() -> None:
    graph = build(
        *("start > each", "each.body > fork", "fork.a > x", "fork.b > inner", "inner.body > y", "fork.done > z"),
        "each.done > end",
        each="logic_loop",
        fork="logic_parallel",
        inner="logic_loop",
    )
    assert outline(graph) == ["start", "each", "  fork", "    x", "    inner", "      y", "  z", "end"]
    assert [graph.parent_of(name) for name in ("y", "inner", "z", "each")] == ["inner", "fork", "each", None]


def test_a_node_that_control_reaches_after_a_container_is_not_in_it() -> None:
    graph = build("each.body > a", "a > join", "each.done > join", each="logic_loop")
    assert outline(graph) == ["each", "  a", "join"]


def test_data_edges_are_no_ways() -> None:
    graph = shipped("core_support-triage")
    assert [graph.edges[index].source for index in graph.incoming["route"]] == ["look_up"]


def test_sources_come_before_targets_and_the_canvas_decides_the_rest() -> None:
    nodes = (FlowNode("c", x=3), FlowNode("b", x=2, y=9), FlowNode("a", x=2, y=1), FlowNode("s", x=8))
    edges = (FlowEdge("s", "a"), FlowEdge("s", "b"), FlowEdge("b", "c"))
    graph = build_graph(FlowDocument(nodes, edges), GraphOrigin.FILE, "")
    assert [node.id for node in graph.nodes] == ["s", "a", "b", "c"]
    assert graph.rank["c"] == 3


@pytest.mark.parametrize(
    "lines",
    [
        ("a.body > b", "b.body > a"),
        ("a.body > b", "b.body > c", "c.body > a"),
        ("a.body > a",),
        ("a.body > b", "b.out > a", "b.body > c", "c.done > b", "c.body > a"),
    ],
)
def test_a_container_is_never_inside_itself(lines: tuple[str, ...]) -> None:
    graph = build(*lines, a="logic_loop", b="logic_loop", c="logic_parallel")
    named = {name for line in lines for name in (line[0], line[-1])}
    assert sorted(node.id for node in graph.nodes) == sorted(named)
    assert all(graph.depth_of(node.id) < len(graph.nodes) for node in graph.nodes)


def test_a_flow_of_nested_loops_without_end_is_read() -> None:
    names = [f"n{number}" for number in range(1_000)]
    graph = build(
        *(f"{one}.body > {two}" for one, two in pairwise(names)),
        **dict.fromkeys(names, "logic_loop"),
    )
    assert len(graph.nodes) == 1_000
    assert len(graph.bodies) == MAX_BODIES


def test_a_run_is_covered_by_the_smallest_flow_that_has_all_its_nodes() -> None:
    small, large, other = build("a > b"), build("a > b", "b > c"), build("a > x")
    assert best_cover([other, large, small], {"a", "b"}) is small
    assert best_cover([other, large, small], {"b", "c"}) is large
    assert best_cover([other, large, small], {"b", "x"}) is None
    assert best_cover([small], {"a"}) is None  # one node says too little


def test_the_heading_says_where_a_graph_comes_from() -> None:
    graph = build("a > b")
    assert graph.heading == "main from the file main.json"
    assert "likely" in graph.from_source(GraphOrigin.COVER, "flow_1").heading
    inferred = graph.from_source(GraphOrigin.INFERRED, "3 runs")
    assert (inferred.heading, inferred.is_inferred) == ("order seen in 3 runs, not the design", True)


@given(
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from(PORTS)), max_size=20),
)
def test_every_node_of_any_graph_is_there_once(types: list[str], ends: list[tuple[int, int, str]]) -> None:
    nodes = tuple(FlowNode(f"n{index}", name) for index, name in enumerate(types))
    count = len(nodes)
    edges = tuple(FlowEdge(f"n{source % count}", f"n{target % count}", port) for source, target, port in ends)
    graph = build_graph(FlowDocument(nodes, edges), GraphOrigin.FILE, "")
    assert sorted(graph.nodes, key=lambda node: node.id) == list(nodes)
    for node in nodes:
        assert graph.depth_of(node.id) < count
        parent = graph.parent_of(node.id)
        assert parent is None or (parent in graph.containers and graph.rank[parent] < graph.rank[node.id])
