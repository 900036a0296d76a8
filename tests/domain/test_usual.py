"""What is usual for runs and nodes, in words."""

from __future__ import annotations

import pytest

from scaicore_tui.analysis.usual import (
    ErrorShare,
    NodeUsual,
    PastContext,
    Usual,
    usual_of_nodes,
    usual_without_waits,
    worked_times,
)
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.model import Run
from scaicore_tui.tui.render.run_head import RunFacts, past_lines
from tests.support.builders import NOON, SECOND
from tests.support.scene import RunEvents, completed_triage, failed_batch


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (Usual(44, 25_000, 36_000, 90_000), "usual 25.0s (p95 36.0s, n 44)"),
        (Usual(3, 25_000, 36_000, 90_000), "usual 25.0s (longest 1m30s, n 3)"),
        (
            Usual(3, 25_000, 36_000, 90_000, without_waits=True),
            "usual 25.0s without waiting for people (longest 1m30s, n 3)",
        ),
    ],
)
def test_few_runs_have_no_percentile(usual: Usual, text: str) -> None:
    assert usual.text == text


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (NodeUsual(1_999, 1, 1_800.0, 50), "usual 1.8s · 99% of 2,000 visits succeed · 50 runs"),
        (NodeUsual(1, 0, 300.0, 1), "usual 300ms · 100% of 1 visit succeeds · 1 run"),
        (NodeUsual(0, 2, None, 2), "0% of 2 visits succeed · 2 runs"),
        (NodeUsual(1, 999, 1.0, 9), "usual 1ms · 1% of 1,000 visits succeed · 9 runs"),
    ],
)
def test_shares_are_all_or_nothing_only_if_they_are(usual: NodeUsual, text: str) -> None:
    assert usual.text == text


def test_nodes_are_counted_over_all_runs_that_visited_them() -> None:
    runs = [run_of(failed_batch()), run_of(completed_triage("exec_1", 0)), run_of(failed_batch("exec_2", 5))]
    open_visit = run_of(RunEvents("exec_3", "core_a", 0).start(n=1).enter("pay", "core_call").events)
    found = usual_of_nodes([*runs, open_visit], [("pay", None), ("reply", None), ("each", None), ("missing", None)])
    assert found == {
        ("pay", None): NodeUsual(4, 2, 290.0, 3),
        ("reply", None): NodeUsual(1, 0, 3_120.0, 1),
    }


def asked_run(execution: str, asked_ms: int) -> Run:
    """Return a run that works 1 s, with a loop in which a person is waited for, and a retry of the wait."""
    events = RunEvents(execution, "core_a", 0).start(n=1).enter("each", "for_each").step("draft", "rigid", 600, 1)
    events.step("ask", "checkpoint", asked_ms, 1).step("ask", "checkpoint", asked_ms, 1)
    events.add("block.exited", 390, node_id="each", block_kind="for_each", result_binding=None)
    return run_of(events.end({}).events)


def test_the_time_for_which_people_were_waited_for_is_not_usual() -> None:
    runs = [asked_run(f"exec_{number}", 1_000 * number + 1) for number in range(5)]
    worked = worked_times([*runs, run_of(failed_batch())])
    assert {key: round(took) for key, took in worked.items()} == {f"exec_{number}": 995 for number in range(5)}
    usual = usual_without_waits(worked.values())
    assert usual is not None
    assert (usual.count, round(usual.median_ms), round(usual.longest_ms)) == (5, 995, 995)
    assert usual_without_waits([]) is None
    nodes = usual_of_nodes(runs, [("each", None), ("ask", None)])
    assert round(nodes[("each", None)].median_ms or 0) == 993
    assert nodes[("ask", None)].median_ms == 2_001, "of a question the wait is what takes time"


def test_facts_have_as_many_lines_before_and_after_they_are_read() -> None:
    run, good = (
        run_of(failed_batch()),
        Summary("exec_good", 1, started_at=NOON - 3_600 * SECOND, ended_at=NOON + SECOND),
    )
    usual = Usual(30, 22_400, 36_000, 90_000)
    context = PastContext(usual=usual, error=ErrorShare(6, 40), last_good=good)
    now = NOON / SECOND + 661
    lines = past_lines(run, RunFacts(context=context), now, 50)
    assert ["".join(text for text, _ in line).strip() for line in lines] == [
        "usual 22.4s  this error: 6 of the last 40 runs",
        "last good exec_good 11m ago",
    ]
    assert len(past_lines(run, RunFacts(), now, 50)) == 2
    over = run_of(completed_triage("exec_1", 0))
    assert len(past_lines(over, RunFacts(), now, 50)) == len(past_lines(over, RunFacts(context=context), now, 50)) == 1


def run_of(events: list[Event]) -> Run:
    run, _ = project(events[0].execution_id or "", enumerate(events))
    return run
