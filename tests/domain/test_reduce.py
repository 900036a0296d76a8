"""The reducer: from events to runs, nodes and visits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event, read_checkpoint
from scaicore_tui.runs import NodeState, Run, RunStatus
from scaicore_tui.runs.reduce import error_text
from scaicore_tui.store import Journal, JournalWriter, StoredRuns
from tests.support import stored
from tests.support.builders import MILLISECOND, NOON, SECOND, checkpoint, completed, entered, event, exited, started
from tests.support.memory_index import MemoryIndex
from tests.support.strategies import EVENTS_OF_TWO_RUNS


def reduced(*events: Event) -> Run:
    """Return the one run that these events make."""
    index = MemoryIndex()
    index.add_newer(events)
    (run,) = stored.runs(index)
    return run


def states(run: Run, node: str) -> list[str]:
    """Return the states of all visits of a node."""
    return [str(visit.state) for visit in run.nodes[node, None].visits]


def test_a_completed_run_has_its_input_output_and_visits() -> None:
    run = reduced(
        started(NOON),
        entered("classify", NOON + 100 * MILLISECOND, kind="flexible"),
        exited("classify", NOON + 512 * MILLISECOND, result_binding="intent", result_binding_value="refund"),
        completed(NOON + 600 * MILLISECOND, duration_ms=598),
    )
    assert (run.status, run.joined_late, run.anomalies) == (RunStatus.COMPLETED, False, [])
    assert (run.input, run.output, run.duration_ms) == ({"n": 1}, {"ok": True}, 598)
    node = run.nodes["classify", None]
    assert (node.state, node.block_kind, node.duration_ms) == (NodeState.EXITED, "flexible", 412)
    assert (node.latest.result_binding, node.latest.result) == ("intent", "refund")


def test_a_node_in_a_loop_has_one_visit_per_iteration() -> None:
    steps = [entered("item", NOON + n * SECOND) if n % 2 else exited("item", NOON + n * SECOND) for n in range(1, 7)]
    assert states(reduced(started(), *steps), "item") == ["exited"] * 3


def test_an_exit_closes_the_newest_of_parallel_visits() -> None:
    run = reduced(entered("a", NOON + 1), entered("a", NOON + 2), exited("a", NOON + 3))
    first, second = run.nodes["a", None].visits
    assert (first.is_open, second.is_open) == (True, False)
    assert run.nodes["a", None].state is NodeState.ENTERED


def test_a_retry_shows_the_failure_and_the_success() -> None:
    failure = event(
        "block.failed", NOON + 2, node_id="a", block_kind="core_call", error={"code": "T", "message": "slow"}
    )
    run = reduced(entered("a", NOON + 1), failure, entered("a", NOON + 3), exited("a", NOON + 4))
    assert states(run, "a") == ["failed", "exited"]
    assert run.nodes["a", None].visits[0].error == "T: slow"
    assert run.nodes["a", None].state is NodeState.EXITED


def test_an_exit_without_a_node_closes_the_newest_of_its_kind() -> None:
    run = reduced(
        entered("a", NOON + 1, kind="rigid"),
        entered("b", NOON + 2, kind="guarded"),
        exited(None, NOON + 3, kind="rigid"),
    )
    assert states(run, "a") == ["exited"]
    assert states(run, "b") == ["entered"]


def test_an_exit_without_node_and_kind_closes_the_newest() -> None:
    run = reduced(entered("a", NOON + 1), entered("b", NOON + 2), event("block.exited", NOON + 3))
    assert (states(run, "a"), states(run, "b")) == (["entered"], ["exited"])


def test_an_exit_without_an_open_visit_is_an_anomaly_of_the_run() -> None:
    run = reduced(event("block.exited", NOON, block_kind="rigid"))
    assert (run.nodes, run.anomalies, run.event_count) == ({}, ["exited without enter"], 1)


def test_an_exit_before_its_enter_is_one_visit() -> None:
    run = reduced(exited("a", NOON + 5 * MILLISECOND), entered("a", NOON + 2 * MILLISECOND))
    assert states(run, "a") == ["exited"]
    assert run.nodes["a", None].duration_ms == 3


@pytest.mark.parametrize("resolution", [MILLISECOND, SECOND])
def test_a_repeated_enter_is_one_visit(resolution: int) -> None:
    at = NOON + resolution
    run = reduced(entered("a", at), entered("a", at))
    assert (states(run, "a"), run.duplicates) == (["entered"], 1)


def test_equal_bytes_in_whole_seconds_are_a_loop_once_the_visit_is_closed() -> None:
    run = reduced(entered("a"), exited("a"), entered("a"), exited("a"))
    assert (states(run, "a"), run.duplicates) == (["exited", "exited"], 0)


def test_equal_bytes_in_milliseconds_are_one_event() -> None:
    pair = [entered("a", NOON + 1 * MILLISECOND), exited("a", NOON + 2 * MILLISECOND)]
    run = reduced(*pair, *pair)
    assert (states(run, "a"), run.duplicates, run.event_count) == (["exited"], 2, 2)


def test_events_after_the_end_are_applied_and_are_an_anomaly() -> None:
    run = reduced(started(), completed(NOON + 1), entered("a", NOON + 2))
    assert run.status is RunStatus.COMPLETED
    assert states(run, "a") == ["entered"]
    assert run.anomalies == ["events after the end"]


def test_a_failure_after_an_exit_is_a_visit_of_its_own_and_an_anomaly() -> None:
    run = reduced(
        entered("a", NOON + 1), exited("a", NOON + 2), event("block.failed", NOON + 3, node_id="a", error="late")
    )
    assert states(run, "a") == ["exited", "failed"]
    assert "failed without enter" in run.anomalies


def test_a_run_without_its_start_event_joined_late() -> None:
    run = reduced(exited("a"))
    assert (run.joined_late, run.status, run.started_at, run.began_at) == (True, RunStatus.RUNNING, None, NOON)


def test_a_run_that_started_twice_is_one_run() -> None:
    run = reduced(started(NOON), started(NOON + 5 * SECOND))
    assert (run.started_at, run.anomalies) == (NOON, ["started again"])


def test_a_run_with_only_custom_events_is_unknown_and_has_no_nodes() -> None:
    run = reduced(event("custom.expense.flagged", NOON))
    assert (run.status, run.nodes, run.event_count) == (RunStatus.UNKNOWN, {}, 1)


def test_an_anonymous_block_is_a_node_of_its_kind() -> None:
    run = reduced(entered(None, NOON + 1, kind="budget"), exited(None, NOON + 2, kind="budget"))
    assert [node.name for node in run.nodes.values()] == ["(budget)"]


def test_events_outside_all_runs_are_counted() -> None:
    index = MemoryIndex()
    assert index.add_newer([event("custom.x", NOON, execution=None)]).upserted == {}
    assert (index.event_count, len(index.order)) == (1, 0)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"error": "boom"}, "boom"),
        ({"error": {"code": "TIMEOUT", "message": "30 s"}}, "TIMEOUT: 30 s"),
        ({"error": {"type": "E"}}, "E"),
        ({"error": {"x": 1}}, '{"x": 1}'),
        ({"message": "m", "reason": "r"}, "m"),
        ({"reason": ["a"]}, '["a"]'),
        ({"execution_id": "e", "odd": 1}, '{"odd": 1}'),
        ({}, "no reason given"),
    ],
)
def test_the_text_of_an_error_event(payload: dict[str, Any], text: str) -> None:
    assert error_text(payload) == text


def test_a_run_with_a_pending_checkpoint_waits() -> None:
    index = MemoryIndex()
    index.add_newer([started()])
    pending = [read_checkpoint(json.dumps(checkpoint()).encode())]
    assert index.set_pending(pending).keys() == {"exec_1"}
    assert (index.runs["exec_1"].status, index.counts[RunStatus.WAITING]) == (RunStatus.WAITING, 1)
    assert index.set_pending([]).keys() == {"exec_1"}
    assert (index.runs["exec_1"].status, index.counts[RunStatus.WAITING]) == (RunStatus.RUNNING, 0)


def test_a_checkpoint_without_a_run_changes_no_run() -> None:
    index = MemoryIndex()
    index.add_newer([started()])
    assert index.set_pending([read_checkpoint(json.dumps(checkpoint(execution_id=None)).encode())]) == {}


def test_history_is_applied_before_newer_events() -> None:
    index = MemoryIndex()
    newer = [exited("a", NOON + 2), started(NOON + 3, "exec_2")]
    index.add_newer(newer)
    older = [started(NOON, "exec_0"), started(NOON + 1), entered("a", NOON + 1)]
    index.add_older(older)
    assert stored.ids(index) == ["exec_0", "exec_1", "exec_2"]
    assert (index.runs["exec_1"].joined_late, states(index.runs["exec_1"], "a")) == (False, ["exited"])
    assert (index.event_count, index.counts.total()) == (5, 3)


def test_the_document_of_a_run() -> None:
    run = reduced(started(), entered("a", NOON + SECOND), exited("a", NOON + 2 * SECOND, result_binding_truncated=True))
    document = run_document(run)
    assert document["status"] == "running"
    assert document["started_at"] == "2026-04-29T12:00:00Z"
    (node,) = document["nodes"]
    assert (node["state"], node["color"]) == ("exited", "green")
    (visit,) = node["visits"]
    assert (visit["duration_ms"], visit["result_binding_truncated"]) == (1000, True)
    json.dumps(document)


def test_runs_are_found_by_prefix() -> None:
    with Journal.in_memory() as journal:
        JournalWriter(journal).append_new([started(execution="exec_ab"), started(execution="exec_ac")])
        stored_runs = StoredRuns(journal, lambda: None, lambda: ())
        assert [run.execution_id for run in stored_runs.find("exec_a")] == ["exec_ac", "exec_ab"]
        assert [run.execution_id for run in stored_runs.find("exec_ab")] == ["exec_ab"]
        assert [run.execution_id for run in stored_runs.find("@latest")] == ["exec_ac"]


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30))
def test_any_feed_makes_consistent_runs(steps: list[Event]) -> None:
    """For any events in any order: counts add up, open visits are listed as open, documents are JSON."""
    index = MemoryIndex()
    index.add_newer(steps)
    assert index.counts.total() == len(index.order)
    assert sum(run.event_count + run.duplicates for run in stored.runs(index)) == sum(
        1 for step in steps if step.execution_id
    )
    for run in stored.runs(index):
        json.dumps(run_document(run))
        assert index.counts[run.status] > 0
        open_visits = [visit for node in run.nodes.values() for visit in node.visits if visit.is_open]
        assert len(open_visits) == run.open_count == sum(len(node.open_visits) for node in run.nodes.values())
        assert all(node.visits for node in run.nodes.values())


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=20), st.data())
def test_repeats_with_milliseconds_change_nothing(steps: list[Event], data: st.DataObject) -> None:
    """The event bus may deliver any event again at any later time."""
    with_milliseconds = [step for step in steps if "." in step.timestamp]
    repeated = list(with_milliseconds)
    for step in with_milliseconds:
        at = data.draw(st.integers(repeated.index(step) + 1, len(repeated)))
        repeated.insert(at, step)
    once, repeats = MemoryIndex(), MemoryIndex()
    once.add_newer(with_milliseconds)
    repeats.add_newer(repeated)
    assert [run_document(run) for run in stored.runs(once)] == [run_document(run) for run in stored.runs(repeats)]


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30), st.integers(0, 30))
def test_applying_events_in_two_batches_equals_applying_them_in_one(steps: list[Event], cut: int) -> None:
    """The reducer keeps no state outside its runs."""
    whole, parts = MemoryIndex(), MemoryIndex()
    whole.add_newer(steps)
    parts.add_newer(steps[:cut])
    parts.add_newer(steps[cut:])
    assert [run_document(run) for run in stored.runs(whole)] == [run_document(run) for run in stored.runs(parts)]
