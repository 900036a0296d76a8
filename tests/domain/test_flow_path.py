"""The path of runs through a graph, compared with the embedded engine, which knows by which port it left each node."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from scaicore_tui.analysis.flow_graph import ENTRY_TYPES, FlowGraph
from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_path import count_edges, find_taken_edges, not_reached, unknown_nodes, ways_out
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.runs import Run
from scaicore_tui.runs.cache import project
from scaicore_tui.servers.grid.demo.history import seed_history
from scaicore_tui.servers.grid.engine.run import node_id_of
from scaicore_tui.servers.grid.flow.graph import Graph
from scaicore_tui.servers.grid.flow.validation import load_shipped_cores, read_graph
from scaicore_tui.servers.grid.store import Store
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, started
from tests.support.flow_graphs import build, client_graph
from tests.support.generated_flows import Execution, execute
from tests.support.grid import NOW, edge, fails, flow, node, returns, run_flow

SEEDS = (7, 11)
Ends = tuple[str, str]


@cache
def history(seed: int) -> Store:
    """Return the store with the demo's history."""
    store = Store()
    seed_history(store, load_shipped_cores(), seed, NOW)
    return store


def runs_of(store: Store, *, is_coarse: bool = False) -> list[Run]:
    """Return the runs in a store, as a client reads them from its feed; coarse times are whole seconds."""
    events: dict[str, list[Event]] = {}
    for row in store.events():
        if is_coarse:
            row["timestamp"] = row["timestamp"][:19] + "Z"
        events.setdefault(row["payload"]["execution_id"], []).append(decode_event(json.dumps(row).encode()))
    return [project(key, enumerate(own))[0] for key, own in events.items()]


def true_edges(store: Store, graph: Graph, execution_id: str) -> Counter[Ends]:
    """Return how often the engine went from one node to another: by the ports of its steps, and into bodies."""
    taken: Counter[Ends] = Counter()
    steps = store.step_table.of_execution(execution_id)
    done = {step.path for step in steps}
    for step in steps:
        name = node_id_of(step.path)
        if step.state == "noted":
            continue
        if step.state == "exited" and (target := graph.next_node(name, step.value["port"])) is not None:
            taken[name, target] += 1
        for port in graph.body_ports(graph.by_id[name]):
            first = graph.next_node(name, port)
            begins = f"{step.path}[" if graph.by_id[name].type == "logic_loop" else f"{step.path}.{port}/"
            rounds = (path for path in done if path.startswith(begins) and path.endswith(f"/{first}~0"))
            taken[name, str(first)] += sum(path.count("~") == begins.count("~") + 1 for path in rounds)
    return +taken


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_edges_of_the_demo_are_those_that_the_engine_took(seed: int, is_coarse: bool) -> None:
    store, cores = history(seed), load_shipped_cores()
    total = 0
    for run in runs_of(store, is_coarse=is_coarse):
        assert run.core_id is not None
        visited = {info.node_id for info in run.nodes.values()}
        truth = true_edges(store, cores[run.core_id], run.execution_id)
        # At a breakpoint, control has left one node and not yet entered the next.
        truth = Counter({ends: count for ends, count in truth.items() if ends[1] in visited})
        graph = client_graph(cores[run.core_id])
        taken = find_taken_edges(graph, run)
        found: Counter[Ends] = Counter()
        for index, count in taken.counts.items():
            if graph.by_id[graph.edges[index].source].type not in ENTRY_TYPES:
                found[graph.edges[index].source, graph.edges[index].target] += count
        assert found == truth, run.execution_id
        total += truth.total()
    assert total > 300


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_inferred_from_runs_is_a_part_of_the_design(seed: int, is_coarse: bool) -> None:
    store, cores = history(seed), load_shipped_cores()
    runs = runs_of(store, is_coarse=is_coarse)
    for core_id, design in cores.items():
        own = [run for run in runs if run.core_id == core_id]
        graph = infer_graph(own)
        assert graph is not None
        assert graph.heading == f"order seen in {len(own)} run{'s' * (len(own) > 1)}, not the design"
        drawn = client_graph(design)
        found = {(one.source, one.target) for one in graph.edges}
        assert found <= {(one.source, one.target) for one in drawn.edges}
        taken = {(drawn.edges[index].source, drawn.edges[index].target) for index in count_edges(drawn, own)}
        assert {ends for ends in taken if drawn.by_id[ends[0]].type not in ENTRY_TYPES} <= found
        for name in graph.by_id:
            assert graph.parent_of(name) == drawn.parent_of(name)


def test_nothing_is_inferred_without_node_ids() -> None:
    run, _ = project("exec_1", enumerate([started(), entered(None), exited(None)]))
    assert infer_graph([run]) is None
    assert infer_graph([]) is None


def reduce(*events: Event) -> Run:
    return project("exec_1", enumerate(events))[0]


def visit(name: str, begin: int, end: int, *, failed: bool = False) -> Sequence[Event]:
    """Return the events of one visit, in seconds after noon."""
    kind = "block.failed" if failed else "block.exited"
    return [entered(name, NOON + begin * SECOND), event(kind, NOON + end * SECOND, node_id=name, block_kind="rigid")]


def taken_by(graph: FlowGraph, run: Run) -> tuple[list[Ends], list[Ends]]:
    """Return the ends of the edges that were taken, and of those that possibly were."""
    taken = find_taken_edges(graph, run)
    certain, possible = (
        [(graph.edges[index].source, graph.edges[index].target) for index in sorted(indexes)]
        for indexes in (taken.counts, taken.possible)
    )
    return certain, possible


DIAMOND = build("a > b", "a > c", "b > c")


def test_a_way_around_a_node_is_not_the_way_through_it() -> None:
    through = reduce(started(), *visit("a", 0, 1), *visit("b", 1, 1), *visit("c", 1, 2), completed())
    around = reduce(started(), *visit("a", 0, 1), *visit("c", 1, 2), completed())
    assert taken_by(DIAMOND, through) == ([("a", "b"), ("b", "c")], [])
    assert taken_by(DIAMOND, around) == ([("a", "c")], [])
    assert not_reached(DIAMOND, around) == {"b"}
    assert not not_reached(DIAMOND, through)


def test_of_two_ways_between_the_same_nodes_none_is_certain() -> None:
    graph = build("a.yes > b", "a.no > b", "b > c")
    run = reduce(started(), *visit("a", 0, 1), *visit("b", 1, 2), *visit("c", 2, 3))
    assert taken_by(graph, run) == ([("b", "c")], [("a", "b"), ("a", "b")])


def test_of_several_entries_none_is_certain_nor_if_the_start_was_missed() -> None:
    one = build("e > a", e="entry_api")
    two = build("e > a", "f > a", e="entry_api", f="entry_webhook")
    run = reduce(started(), *visit("a", 0, 1))
    assert taken_by(one, run) == ([("e", "a")], [])
    assert taken_by(two, run) == ([], [("e", "a"), ("f", "a")])
    assert taken_by(one, reduce(*visit("a", 0, 1))) == ([], [("e", "a")])
    assert not_reached(two, reduce(started())) == {"a"}


def test_a_node_that_failed_leaves_by_its_port_for_errors() -> None:
    graph = build("a > b", "a.error > b", "a.error > c")
    indexes = find_taken_edges(graph, reduce(started(), *visit("a", 0, 1, failed=True), *visit("b", 1, 2))).counts
    assert [graph.edges[index].port for index in indexes] == ["error"]
    indexes = find_taken_edges(graph, reduce(started(), *visit("a", 0, 1), *visit("b", 1, 2))).counts
    assert [graph.edges[index].port for index in indexes] == ["out"]


def test_a_retry_takes_no_edge_again() -> None:
    run = reduce(started(), *visit("a", 0, 1), *visit("b", 1, 2, failed=True), *visit("b", 3, 4), *visit("c", 4, 5))
    assert find_taken_edges(DIAMOND, run).counts == {0: 1, 2: 1}


def test_a_node_without_an_exit_leads_nowhere() -> None:
    run = reduce(started(), entered("a", NOON), *visit("c", 1, 2))
    assert taken_by(DIAMOND, run) == ([], [])


def test_the_ways_out_have_shares_of_past_runs() -> None:
    through = reduce(started(), *visit("a", 0, 1), *visit("b", 1, 1), *visit("c", 1, 2))
    around = reduce(started(), *visit("a", 0, 1), *visit("c", 1, 2))
    counts = count_edges(DIAMOND, [through, around, around])
    assert [(way.edge.target, way.taken, way.total, way.percent) for way in ways_out(DIAMOND, "a", counts)] == [
        ("c", 2, 3, 67),
        ("b", 1, 3, 33),
    ]
    assert [way.percent for way in ways_out(DIAMOND, "a")] == [None, None]
    assert ways_out(DIAMOND, "c") == ways_out(DIAMOND, "none") == []


def test_nodes_that_the_graph_lacks_are_told() -> None:
    run = reduce(started(), *visit("a", 0, 1), *visit("new", 1, 2), entered(None, NOON + SECOND))
    assert [info.name for info in unknown_nodes(DIAMOND, run)] == ["new", "(rigid)"]


def test_a_declared_fallback_and_an_error_edge_of_the_engine() -> None:
    document = flow(
        [
            node("risky", "tool_http", **fails()),
            node("plan_b", "tool_http", **returns(1)),
            node("soft", "tool_http", **{**fails(), "on_error": {"fallback": 5}}),
            node("end", "tool_http", **returns(2)),
        ],
        ["start > risky", "risky.out > end", edge("risky.error > plan_b"), "plan_b > soft", "soft > end"],
    )
    store = run_flow(document)
    graph = client_graph(read_graph(document))
    (run,) = runs_of(store)
    taken = [("start", "risky"), ("risky", "plan_b"), ("plan_b", "soft"), ("soft", "end")]
    assert taken_by(graph, run) == (taken, [])


def edges_of(execution: Execution) -> Counter[Ends]:
    """Return how often the engine went from one node to another: in each round and branch, one after the other."""
    last: dict[str, str] = {}
    taken: Counter[Ends] = Counter()
    for path in execution.paths:
        visit, _, attempt = path.rpartition("~")
        around, _, name = visit.rpartition("/")
        if attempt == "0":
            container = around.rpartition("/")[2].partition("~")[0]
            taken[last.get(around) or container or "start", name] += 1
            last[around] = name
    return taken


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_the_edges_of_generated_flows_are_those_that_the_engine_took(first: int) -> None:
    for seed in range(first, first + 10):
        execution = execute(seed)
        graph = client_graph(execution.graph)
        taken = find_taken_edges(graph, project(execution.id, enumerate(execution.events))[0])
        found: Counter[Ends] = Counter()
        for index, count in taken.counts.items():
            found[graph.edges[index].source, graph.edges[index].target] += count
        truth = edges_of(execution)
        assert found.keys() == truth.keys(), seed
        # Where an iteration of one node failed, the next may be another attempt: it is not counted then.
        assert not found - truth, seed
        assert not taken.possible
