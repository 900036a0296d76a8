"""The steps of a run: containers, iterations and attempts, with and without the graph of the flow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.flow_graph import FlowGraph
from scaicore_tui.analysis.run_history import RunHistory
from scaicore_tui.analysis.steps import ATTEMPT, ITERATION, NOT_REACHED, PARENT, RunSteps, build_steps
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, started
from tests.support.flow_graphs import build, client_graph
from tests.support.generated_flows import execute
from tests.support.step_truth import Agreement, compare, reduce_events
from tests.support.strategies import EVENTS_OF_TWO_RUNS

LOOP = build("start > each", "each.body > a", "a > b", "each.done > after", each="logic_loop", start="entry_api")


def run_of(*events: Event) -> Run:
    return reduce_events("exec_1", events)


def failed(node: str, at: int = NOON) -> Event:
    return event("block.failed", at, node_id=node, block_kind="rigid", error={"code": "BROKEN", "message": "no"})


def loop(*inside: Event) -> Run:
    """Return a completed run with a loop, all within one second: only the order of the events tells."""
    begin, end = entered("each", kind="foreach"), exited("each", kind="foreach")
    return run_of(started(), begin, *inside, end, completed())


def lines(steps: RunSteps) -> list[str]:
    """Return each step with its container, iteration and attempt."""
    return [
        f"{step.name} in {'-' if step.parent is None else steps.step(step.parent).name} {step.iteration} {step.attempt}"
        for step in steps.steps
    ]


def test_generated_flows_agree_with_the_engine() -> None:
    # tests.support.step_truth compares a thousand.
    found = compare(range(60))
    for agreement in found.values():
        assert agreement.wrong_but_certain == []
        assert agreement.compared[PARENT] > 1_000
    graph, order = found["graph"], found["order"]
    assert graph.share(PARENT) == 1.0
    assert min(graph.share(ITERATION), graph.share(ATTEMPT)) > 0.98
    assert min(order.share(PARENT), order.share(ITERATION), order.share(ATTEMPT)) > 0.95
    # With a graph, much of it is certain; without one, nothing is.
    assert graph.certain[PARENT] > 0.25 * graph.compared[PARENT]
    assert order.certain.total() == 0


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.integers(1_000, 100_000))
def test_nothing_wrong_is_certain(seed: int) -> None:
    assert [text for agreement in compare([seed]).values() for text in agreement.wrong_but_certain] == []


def test_nothing_wrong_is_certain_at_any_time_of_a_run() -> None:
    compared = 0
    for seed in range(20):
        execution = execute(seed)
        history = RunHistory(execution.id, execution.events)
        for number in range(1, len(history), max(1, len(history) // 4)):
            agreement = Agreement()
            agreement.add(build_steps(history.at(number), client_graph(execution.graph)), execution)
            # A node that failed may be tried again later: that is not known yet.
            assert [text for text in agreement.wrong_but_certain if not text.startswith(ATTEMPT)] == []
            compared += agreement.certain[ITERATION]
    assert compared > 300


ITERATIONS = [
    "each in - None None",
    "a in each 1 None",
    "b in each 1 None",
    "a in each 2 None",
    "b in each 2 None",
]


@pytest.mark.parametrize("graph", [LOOP, None])
def test_the_order_tells_iterations_when_all_times_are_equal(graph: FlowGraph | None) -> None:
    inside = [entered("a"), exited("a"), entered("b"), exited("b")]
    run = loop(*inside, *[event(e.type.removeprefix("scaicore.runtime."), n=2, **e.payload) for e in inside])
    steps = build_steps(run, graph)
    assert lines(steps)[:5] == ITERATIONS
    assert steps.has_whole_seconds
    assert [step.name for step in steps.children_of(0)] == ["a", "b", "a", "b"]


def test_what_the_graph_tells_is_certain_and_what_the_order_tells_is_inferred() -> None:
    run = loop(entered("a"), exited("a"), entered("b"), exited("b"))
    by_graph, by_order = build_steps(run, LOOP), build_steps(run)
    assert {step.inferred for step in by_graph.steps} == {()}
    assert {step.inferred for step in by_order.steps} == {(PARENT, ITERATION, ATTEMPT)}
    assert {step.inferred for step in build_steps(run, LOOP, is_complete=False).steps[:3]} == {
        (PARENT, ITERATION, ATTEMPT)
    }


def test_retries_are_attempts_of_one_iteration() -> None:
    run = loop(entered("a"), exited("a"), entered("b"), failed("b"), entered("b", NOON + 1), exited("b", NOON + 1))
    steps = build_steps(run, LOOP)
    assert lines(steps)[2:4] == ["b in each 1 1", "b in each 1 2"]
    assert steps.step(3).inferred == ()


def test_the_first_node_entered_again_after_a_failure_is_ambiguous() -> None:
    run = loop(entered("a"), failed("a"), entered("a", NOON + 1), exited("a", NOON + 1))
    steps = build_steps(run, LOOP)
    # A second attempt, or an iteration that went on with a fallback.
    assert [step.inferred for step in steps.steps[1:3]] == [(ITERATION, ATTEMPT)] * 2
    went_on = loop(entered("a"), failed("a"), entered("b"), exited("b"), entered("a", NOON + 1), exited("a", NOON + 1))
    assert lines(build_steps(went_on, LOOP))[1:4] == ["a in each 1 None", "b in each 1 None", "a in each 2 None"]
    assert {step.inferred for step in build_steps(went_on, LOOP).steps} == {()}


def test_branches_of_a_parallel_interleave() -> None:
    run = run_of(
        started(),
        entered("p", kind="parallel"),
        entered("each", kind="foreach"),
        entered("x"),
        entered("y"),
        exited("x"),
        entered("x", NOON + 1),
        exited("y"),
        entered("z"),
        exited("x", NOON + 1),
        exited("each", kind="foreach"),
        exited("z"),
        exited("p", kind="parallel"),
        completed(),
    )
    assert lines(build_steps(run)) == [
        "p in - None None",
        "each in p None None",
        "x in each 1 None",
        "y in p None None",
        "x in each 2 None",
        "z in p None None",
    ]


def in_parallel(*inside: Event) -> list[str]:
    """Return the containers of the steps of a parallel that has a loop in one branch."""
    begin = [entered("p", kind="parallel"), entered("each", kind="foreach")]
    steps = build_steps(run_of(started(), *begin, *inside, exited("p", kind="parallel"), completed()))
    return [line.rpartition(" ")[0].rpartition(" ")[0] for line in lines(steps)[2:]]


def test_a_container_encloses_all_that_is_in_it() -> None:
    note, end = event("custom.note"), exited("each", kind="foreach")
    pause = [entered("x"), failed("x"), note, entered("y")]
    after = [event("custom.note", NOON + 1), entered("x", NOON + 2), exited("x", NOON + 2)]
    # `y` ends after the loop, so it is beside it, although nothing else was open in the loop.
    assert in_parallel(*pause, *after, end, exited("y")) == ["x in each", "y in p", "x in each"]


def test_a_retry_after_a_pause_follows_other_events_by_chance() -> None:
    inside = [entered("x"), entered("y"), failed("y"), exited("x"), entered("y", NOON + 1), exited("y", NOON + 1)]
    rest = [entered("x", NOON + 2), exited("x", NOON + 2), exited("each", kind="foreach")]
    assert in_parallel(*inside, *rest) == ["x in each", "y in p", "y in p", "x in each"]


def test_what_was_taken_for_repeats_leaves_nothing_certain() -> None:
    at = NOON + 1_000
    iteration = [entered("a", at), exited("a", at), entered("b", at), exited("b", at)]
    # Two iterations within a millisecond have equal bytes: the second one is not seen.
    steps = build_steps(loop(*iteration, *iteration), LOOP)
    assert [step.iteration for step in steps.steps[1:3]] == [1, 1]
    assert all(ITERATION in step.inferred for step in steps.steps[:3])


def test_nested_loops_count_by_themselves() -> None:
    run = run_of(
        started(),
        entered("outer", kind="while"),
        *[
            row
            for number in range(2)
            for row in (
                entered("inner", NOON + number, kind="foreach"),
                *[
                    row
                    for again in range(2)
                    for row in (entered("a", NOON + 2 * number + again), exited("a", NOON + 2 * number + again))
                ],
                exited("inner", NOON + number, kind="foreach"),
            )
        ],
        exited("outer", kind="while"),
        completed(),
    )
    steps = build_steps(run)
    assert [(step.name, step.depth, step.iteration) for step in steps.steps] == [
        ("outer", 0, None),
        ("inner", 1, 1),
        ("a", 2, 1),
        ("a", 2, 2),
        ("inner", 1, 2),
        ("a", 2, 1),
        ("a", 2, 2),
    ]


def test_a_run_that_goes_on_has_open_steps() -> None:
    steps = build_steps(run_of(started(), entered("each", kind="foreach"), entered("a", NOON + 3 * SECOND)))
    assert [(step.is_open, step.offset_ms) for step in steps.steps] == [(True, 0), (True, 3_000)]
    assert steps.step(1).parent == 0
    assert not steps.is_over


def test_an_exit_without_an_enter_has_no_container() -> None:
    steps = build_steps(run_of(started(), entered("each", kind="foreach"), exited("a")), LOOP)
    step = steps.step(1)
    assert (step.name, step.entered_event, step.ended_event, step.first_event) == ("a", 0, 3, 3)
    assert PARENT in step.inferred


def test_an_exit_before_its_enter_is_counted() -> None:
    steps = build_steps(run_of(started(), exited("a", NOON + 5), entered("a", NOON), completed(NOON + 6)))
    assert steps.reordered == 1
    assert len(steps.steps) == 1


def test_blocks_without_an_id_are_in_their_containers() -> None:
    run = run_of(
        started(),
        entered("each", kind="foreach"),
        entered(None, NOON + 1),
        exited(None, NOON + 1),
        entered(None, NOON + 2),
        exited(None, NOON + 2),
        exited("each", kind="foreach"),
    )
    assert lines(build_steps(run)) == ["each in - None None", "(rigid) in each 1 None", "(rigid) in each 2 None"]


def test_nodes_that_were_not_reached_come_from_the_graph() -> None:
    steps = build_steps(loop(), LOOP)
    unreached = [(step.name, step.is_reached, step.parent, step.depth) for step in steps.steps[1:]]
    assert unreached == [("a", False, 0, 1), ("b", False, 0, 1), ("after", False, None, 0)]
    assert {step.inferred for step in steps.steps[1:]} == {()}


def test_without_a_graph_nodes_that_were_not_reached_come_from_other_runs() -> None:
    other = run_of(started(), entered("x"), exited("x"), entered("y"), exited("y"), completed())
    steps = build_steps(run_of(started(), entered("x"), exited("x"), completed()), None, [other])
    assert [(step.name, step.is_reached) for step in steps.steps] == [("x", True), ("y", False)]
    assert NOT_REACHED in steps.step(1).inferred


def test_a_checkpoint_waits_for_a_person() -> None:
    steps = build_steps(run_of(started(), entered("ask", kind="checkpoint"), entered("call", kind="core_call")))
    assert [step.waits_for_person for step in steps.steps] == [True, False]


def test_iterations_that_are_no_longer_kept_are_counted() -> None:
    at = [NOON + number * SECOND for number in range(1_200)]
    inside = [step for moment in at for step in (entered("a", moment), exited("a", moment + 1))]
    steps = build_steps(run_of(started(), entered("each", kind="foreach"), *inside))
    iterations = [step.iteration for step in steps.steps if step.node_id == "a"]
    assert (iterations[0], iterations[-1]) == (201, 1_200)
    assert all(ITERATION in step.inferred for step in steps.steps if step.node_id == "a")


@pytest.mark.parametrize("graph", [LOOP, None])
def test_dropped_visits_leave_nothing_certain(graph: FlowGraph | None) -> None:
    inside = [row for number in range(1_200) for row in (entered("a", NOON + number), exited("a", NOON + number))]
    steps = build_steps(loop(*inside), graph)
    assert steps.dropped == 200
    assert len(steps.steps) == 1_001 + (graph is not None) * 2
    assert all(step.inferred for step in steps.steps)


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=60), st.booleans())
def test_any_events_give_a_forest(events: Sequence[Event], has_graph: bool) -> None:
    run = reduce_events("exec_1", events)
    steps = build_steps(run, build("a.body > b", a="logic_loop") if has_graph else None)
    assert [step.index for step in steps.steps] == list(range(len(steps.steps)))
    reached = [step for step in steps.steps if step.is_reached]
    assert len(reached) == sum(len(node.visits) for node in run.nodes.values())
    assert [step.first_event for step in reached] == sorted(step.first_event for step in reached)
    for step in steps.steps:
        assert step.parent is None or step.parent < step.index
        assert step.depth == len(list(steps.ancestors(step.index)))
    assert sorted(index for members in steps.children.values() for index in members) == list(range(len(steps.steps)))
