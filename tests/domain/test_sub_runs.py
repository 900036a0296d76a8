"""The likely sub-run of a step: by time, and what makes one likelier than others of that time."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.analysis.steps import Step, build_steps
from scaicore_tui.analysis.sub_runs import MAX_CALLS, call_visits, find_sub_run, has_open_call
from scaicore_tui.runs import Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.model import Run, json_digest
from scaicore_tui.runs.summary import summary_of
from tests.support.builders import NOON, SECOND
from tests.support.scene import RunEvents

NOW = NOON + 60 * SECOND
ANSWER = {"verdict": "true", "sources": [1, 2]}
NO_SOURCE = {"code": "NO_SOURCE", "message": "no source for this claim"}


def projected(events: RunEvents) -> Run:
    run, _ = project(events.execution, enumerate(events.events))
    return run


def call(result: Any = None, error: dict[str, str] | None = None) -> Step:
    """Return a step that called something, three seconds long; without result and error it is still open."""
    outer = RunEvents("exec_outer", "core_outer", 0).start(n=1)
    if error is not None:
        outer.fail("call", "core_call", 3_000, error)
    elif result is not None:
        outer.step("call", "core_call", 3_000, result)
    else:
        outer.enter("call", "core_call")
    return build_steps(projected(outer)).steps[0]


def inner(name: str, output: Any = None, error: dict[str, str] | None = None, second: int = 1) -> Summary:
    """Return a run that began so many seconds after noon, and ended at once."""
    events = RunEvents(name, "core_inner", second).start(claim=name)
    if error is not None:
        events.fail("look_up", "core_call", 100, error)
    else:
        events.end(output)
    return summary_of(projected(events), 1)


def test_an_equal_result_is_likelier_than_another_run_of_the_same_time() -> None:
    others = [inner("first", {"other": 1}), inner("second", ANSWER)]
    found = find_sub_run(call(ANSWER), NOW, others)
    assert found is not None
    assert found.summary.execution_id == "second"
    assert (found.is_likely, found.rivals, found.evidence) == (True, 0, ("same result",))


def test_an_error_that_the_step_passed_on_is_found_behind_its_words() -> None:
    wrapped = {"code": "SUBFLOW_FAILED", "message": f"core_inner failed: {NO_SOURCE['message']}"}
    others = [inner("good", ANSWER), inner("bad", error=NO_SOURCE), inner("other", error={"message": "out of memory"})]
    found = find_sub_run(call(error=wrapped), NOW, others)
    assert found is not None
    assert found.summary.execution_id == "bad"
    assert found.evidence == ("same error",)


def test_an_equal_input_counts() -> None:
    others = [inner("one", 1), inner("two", 1)]
    found = find_sub_run(call(ANSWER), NOW, others, frozenset([json_digest({"claim": "two"})]))
    assert found is not None
    assert (found.summary.execution_id, found.evidence, found.is_likely) == ("two", ("same input",), True)


def test_a_failed_run_is_only_possibly_what_a_step_called_that_went_well() -> None:
    found = find_sub_run(call(ANSWER), NOW, [inner("bad", error=NO_SOURCE)])
    assert found is not None
    assert not found.is_likely


def test_runs_that_are_as_likely_are_counted() -> None:
    found = find_sub_run(call(ANSWER), NOW, [inner(f"run_{number}", number) for number in range(3)])
    assert found is not None
    assert (found.rivals, found.is_likely) == (2, False)


@pytest.mark.parametrize(("second", "is_found"), [(0, True), (2, True), (4, False), (-2, False)])
def test_only_runs_of_its_time_fit_a_step(second: int, is_found: bool) -> None:
    found = find_sub_run(call(ANSWER), NOW, [inner("one", ANSWER, second=second)])
    assert (found is not None) == is_found


def test_an_open_step_may_have_called_a_run_that_goes_on() -> None:
    running = summary_of(projected(RunEvents("exec_inner", "core_inner", 30).start(n=1)), 1)
    assert find_sub_run(call(ANSWER), NOW, [running]) is None
    assert find_sub_run(call(), NOW, [running]) is not None


def test_the_newest_calls_are_looked_at() -> None:
    outer = RunEvents("exec_outer", "core_outer", 0).start(n=1)
    for _ in range(MAX_CALLS + 5):
        outer.step("call", "core_call", 1, 1).step("think", "rigid", 1, 1)
    run = projected(outer)
    assert len(call_visits(run)) == MAX_CALLS
    assert call_visits(run)[-1].entered_event == run.event_count - 3
    assert not has_open_call(run)
    assert has_open_call(projected(outer.enter("call", "core_call")))
