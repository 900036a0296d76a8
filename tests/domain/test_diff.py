"""Two runs that differ in one known way: that is the first difference, with its cause, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scaicore_tui.analysis.diff import Cause, ComparedRun, RunDiff, StepPair, compare
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.analysis.value_diff import path_text
from scaicore_tui.protocol import Event
from scaicore_tui.runs.cache import project
from tests.support.scene import INVOICES, RunEvents, busy_feed

ITEMS = [{"invoice": number} for number in range(300)]


def batch(execution: str = "exec_a", **changed: Any) -> RunEvents:
    """Return a batch of three invoices: loaded, posted in a loop with a retry, checked on two branches, reported."""
    facts: dict[str, Any] = {"input": [1, 2, 3], "items": ITEMS, "longer": 0, "posted": "ok", "swap": False} | changed
    run = RunEvents(execution, INVOICES, 0).start(invoices=facts["input"])
    run.step("load", "model_call", 95 + facts["longer"], facts["items"])
    run.enter("each", "foreach")
    for number in range(3):
        if number == 1:
            run.enter("post", "core_call").add(
                "block.failed", 20, node_id="post", block_kind="core_call", error={"message": "busy"}
            )
        run.step("post", "core_call", 300, {"reference": number, "state": facts["posted"] if number == 2 else "ok"})
    run.add("block.exited", node_id="each", block_kind="foreach")
    run.enter("both", "parallel")
    branches = ["left", "right"]
    for node in branches[::-1] if facts["swap"] else branches:
        run.enter(node, "flexible")
    for node in branches:
        run.add("block.exited", 50, node_id=node, block_kind="flexible", result_binding_value=node)
    run.add("block.exited", node_id="both", block_kind="parallel")
    return run


def compared(events: list[Event], *, is_complete: bool = True) -> ComparedRun:
    run, _ = project(events[0].execution_id or "", enumerate(events))
    return ComparedRun(run, build_steps(run), is_complete)


def of(a: RunEvents, b: RunEvents, *, is_complete: bool = True) -> RunDiff:
    return compare(compared(a.events), compared(b.events, is_complete=is_complete))


def differing_pairs(found: RunDiff) -> list[StepPair]:
    return [pair for pair in found.pairs if not pair.is_alike]


def first(found: RunDiff) -> tuple[str | None, Cause | None]:
    """Return the node and the cause of the first difference."""
    divergence = found.first
    if divergence is None:
        return None, None
    return None if divergence.pair is None else divergence.pair.step.name, divergence.cause


REPORT: Callable[[RunEvents], RunEvents] = lambda run: run.step("report", "rigid", 5, "sent").end({"posted": 3})  # noqa: E731


@pytest.mark.parametrize(
    ("changed", "node", "cause", "differing"),
    [
        ({}, None, None, []),
        ({"longer": 4_000}, None, None, []),
        ({"swap": True}, None, None, []),
        ({"input": [1, 2, 4]}, None, Cause.INPUT, []),
        ({"posted": "late"}, "post", Cause.RESULT, ["post"]),
        ({"items": [item for item in ITEMS if item["invoice"] != 40]}, "load", Cause.RESULT, ["load"]),
        ({"input": [1], "posted": "late"}, "post", Cause.INPUT, ["post"]),
    ],
)
def test_one_known_difference_is_the_first_and_the_only_one(
    changed: dict[str, Any], node: str | None, cause: Cause | None, differing: list[str]
) -> None:
    found = of(REPORT(batch()), REPORT(batch("exec_b", **changed)))
    assert first(found) == (node, cause)
    assert [pair.step.name for pair in differing_pairs(found)] == differing
    assert found.is_alike == (cause is None)


def test_an_item_that_was_removed_from_a_list_is_one_change() -> None:
    found = of(REPORT(batch()), REPORT(batch("exec_b", items=ITEMS[:40] + ITEMS[41:])))
    (pair,) = differing_pairs(found)
    assert [path_text(change.path) for change in pair.changes] == ["[40]"]


def test_a_step_that_only_one_run_has_is_a_difference_of_the_path() -> None:
    longer = batch("exec_b").step("ask", "checkpoint", 10, "yes").step("report", "rigid", 5, "sent").end({"posted": 3})
    found = of(REPORT(batch()), longer)
    assert first(found) == ("ask", Cause.PATH)
    assert [(pair.step.name, pair.a, pair.longer_ms) for pair in differing_pairs(found)] == [("ask", None, None)]
    assert [pair.step.name for pair in found.pairs][-2:] == ["ask", "report"]


def test_what_only_one_run_has_is_in_its_order_the_steps_of_the_first_before_those_of_the_second() -> None:
    a = batch().step("one", "rigid", 5, 1).step("two", "rigid", 5, 2).step("last", "rigid", 5, 3).end({})
    b = batch("exec_b").step("three", "rigid", 5, 1).step("last", "rigid", 5, 3).step("more", "rigid", 5, 3).end({})
    names = [pair.step.name for pair in of(a, b).pairs]
    assert names[-5:] == ["one", "two", "three", "last", "more"]


def test_steps_one_after_the_other_in_another_order_are_a_difference_of_the_path() -> None:
    a = batch().step("one", "rigid", 5, 1).step("two", "rigid", 5, 2).end({})
    b = batch("exec_b").step("two", "rigid", 5, 2).step("one", "rigid", 5, 1).end({})
    found = of(a, b)
    assert first(found) == ("two", Cause.PATH)
    assert [pair.step.name for pair in differing_pairs(found)] == ["two"]


def test_the_step_that_failed_first_is_named_and_not_the_container_around_it() -> None:
    error = {"code": "NO_SOURCE", "message": "none"}
    a = RunEvents("exec_a", INVOICES, 0).start(n=1).enter("each", "foreach").fail("pay", "core_call", 5, error)
    b = RunEvents("exec_b", INVOICES, 0).start(n=1).enter("each", "foreach").step("pay", "core_call", 9, "paid")
    b.add("block.exited", node_id="each", block_kind="foreach").end({})
    found = of(a, b)
    assert first(found) == ("pay", Cause.RESULT)
    assert [pair.step.name for pair in differing_pairs(found)] == ["each", "pay"]


def test_another_error_of_the_same_step_is_a_difference() -> None:
    runs = [batch(f"exec_{code}").fail("report", "rigid", 5, {"code": code}) for code in ("A", "B")]
    found = of(*runs)
    assert first(found) == ("report", Cause.RESULT)
    assert differing_pairs(found)[0].is_other_error


def test_what_is_missing_leaves_the_cause_open() -> None:
    cut = {"result_binding_value": "x" * 50, "result_binding_truncated": True}
    runs = []
    for execution, reply in (("exec_a", "yes"), ("exec_b", "no")):
        run = RunEvents(execution, INVOICES, 0).start(n=1).enter("read", "rigid")
        run.add("block.exited", 5, node_id="read", block_kind="rigid", **cut)
        runs.append(run.step("reply", "guarded", 5, reply).end({}))
    assert first(of(*runs)) == ("reply", Cause.CUT)
    late = of(REPORT(batch()), REPORT(batch("exec_b", posted="late")), is_complete=False)
    assert first(late) == ("post", Cause.CUT)


def test_only_the_ends_of_two_runs_may_differ() -> None:
    assert first(of(batch().end({"a": 1}), batch("exec_b").end({"a": 2}))) == (None, Cause.RESULT)
    ended_badly = batch("exec_b").add("invocation.failed", error={"code": "LIMIT"})
    assert first(of(batch().end({"a": 1}), ended_badly)) == (None, Cause.RESULT)


def test_what_a_running_run_has_not_done_yet_is_no_difference() -> None:
    running = batch("exec_b").enter("report", "rigid")
    assert of(REPORT(batch()), running).is_alike
    assert of(REPORT(batch()), batch("exec_b")).is_alike


def test_containers_may_be_nested_deeper_than_functions() -> None:
    runs = []
    for execution in ("exec_a", "exec_b"):
        run = RunEvents(execution, INVOICES, 0).start(n=1)
        for number in range(1_500):
            run.enter(f"n{number}", "foreach")
        runs.append(run)
    found = of(*runs)
    assert found.is_alike
    assert len(found.pairs) == 1_500


def test_every_run_is_like_itself() -> None:
    executions: dict[str, list[Event]] = {}
    for event in busy_feed().log:
        executions.setdefault(event.execution_id or "", []).append(event)
    for events in executions.values():
        assert compare(compared(events), compared(events)).is_alike
