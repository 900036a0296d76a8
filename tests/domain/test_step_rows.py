"""Rows of steps that fold: containers, iterations and attempts."""

from __future__ import annotations

from scaicore_tui.analysis.step_rows import (
    RowKind,
    StepRow,
    attempts_id,
    build_rows,
    default_folded,
    iteration_id,
    step_id,
    unfolding,
)
from scaicore_tui.analysis.steps import RunSteps, build_steps
from scaicore_tui.protocol import Event
from scaicore_tui.runs.model import NodeState
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, started
from tests.support.step_truth import reduce_events


def failed(node: str, at: int) -> Event:
    return event("block.failed", at, node_id=node, block_kind="rigid", error={"code": "BROKEN"})


def loop_events(count: int, failing: int = 0, *, is_over: bool = True) -> list[Event]:
    """Return a loop with `count` iterations of two nodes; in iteration `failing`, `b` fails, and again."""
    rows = [started(), entered("each", kind="foreach")]
    for number in range(1, count + 1):
        at = NOON + number * SECOND
        rows += [entered("a", at), exited("a", at), entered("b", at)]
        if number == failing:
            rows += [failed("b", at), entered("b", at + 1), failed("b", at + 1)]
        else:
            rows.append(exited("b", at))
    return [*rows, exited("each", NOON + 99 * SECOND, kind="foreach"), completed()] if is_over else rows


def steps_of(*events: Event) -> RunSteps:
    return build_steps(reduce_events("exec_1", events))


def lines(rows: list[StepRow]) -> list[str]:
    shown = []
    for row in rows:
        name = f"iteration {row.iteration}" if row.kind is RowKind.ITERATION else row.step.name
        attempt = f" {row.step.attempt}" if row.step.attempt is not None and row.kind is RowKind.STEP else ""
        count = f" ×{row.count}" if row.count else ""
        shown.append(f"{'  ' * row.depth}{name}{attempt}{count}{' +' if row.is_folded else ''}")
    return shown


def test_loops_have_a_row_for_each_iteration() -> None:
    steps = steps_of(*loop_events(2, failing=2))
    assert lines(build_rows(steps, ())) == [
        "each ×2",
        "  iteration 1",
        "    a",
        "    b",
        "  iteration 2",
        "    a",
        "    b 1",
        "    b 2",
    ]


def test_what_is_folded_has_one_row() -> None:
    steps = steps_of(*loop_events(2, failing=2))
    loop, first_attempt = steps.step(0), steps.step(4)
    assert lines(build_rows(steps, {iteration_id(loop, 1)}))[:3] == ["each ×2", "  iteration 1 +", "  iteration 2"]
    assert lines(build_rows(steps, {attempts_id(first_attempt)}))[-1] == "    b ×2 +"
    assert lines(build_rows(steps, {step_id(loop)})) == ["each ×2 +"]


def test_attempts_fold_with_any_of_their_rows() -> None:
    rows = build_rows(steps_of(*loop_events(1, failing=1)), ())
    assert rows[-1].fold_id == rows[-2].fold_id is not None
    folded = build_rows(steps_of(*loop_events(1, failing=1)), [row.fold_id for row in rows[-1:] if row.fold_id])
    assert (folded[-1].kind, folded[-1].state, folded[-1].members) == (RowKind.ATTEMPTS, NodeState.FAILED, (2, 3))


def test_long_loops_begin_folded_except_for_what_failed() -> None:
    assert default_folded(steps_of(*loop_events(3))) == frozenset()
    steps = steps_of(*loop_events(20, failing=7))
    found = lines(build_rows(steps, default_folded(steps)))
    assert found[:2] == ["each ×20", "  iteration 1 +"]
    assert found[7:12] == ["  iteration 7", "    a", "    b 1", "    b 2", "  iteration 8 +"]
    assert len(found) == 1 + 20 + 3


def test_the_active_iteration_of_a_long_loop_is_open() -> None:
    steps = steps_of(*loop_events(20, is_over=False), entered("a", NOON + 90 * SECOND))
    assert lines(build_rows(steps, default_folded(steps)))[-2:] == ["  iteration 21", "    a"]


def test_rows_keep_their_ids_while_the_run_goes_on() -> None:
    before = build_rows(steps_of(*loop_events(4, is_over=False)), ())
    after = build_rows(steps_of(*loop_events(6)), ())
    assert [row.id for row in before] == [row.id for row in after][: len(before)]
    assert len({row.id for row in after}) == len(after)


def test_a_step_becomes_visible() -> None:
    steps = steps_of(*loop_events(20, failing=7))
    everything = {row.fold_id for row in build_rows(steps, ()) if row.fold_id is not None}
    attempt = next(step for step in steps.steps if step.attempt == 2)
    visible = {row.step.index for row in build_rows(steps, everything - unfolding(steps, attempt.index))}
    assert attempt.index in visible
    assert lines(build_rows(steps, everything)) == ["each ×20 +"]
