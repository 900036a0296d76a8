"""What is usual for runs and nodes, in words."""

from __future__ import annotations

import pytest

from scaicore_tui.analysis.usual import NodeUsual, Usual, usual_of_nodes
from scaicore_tui.protocol import Event
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.model import Run
from tests.support.scene import RunEvents, completed_triage, failed_batch


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (Usual(44, 25_000, 36_000, 90_000), "usual 25.0s (p95 36.0s, n 44)"),
        (Usual(3, 25_000, 36_000, 90_000), "usual 25.0s (longest 1m30s, n 3)"),
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


def run_of(events: list[Event]) -> Run:
    run, _ = project(events[0].execution_id or "", enumerate(events))
    return run
