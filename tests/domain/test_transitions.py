"""Transitions: each is reported once and in order, however the events are divided into polls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.export.documents import transition_document
from scaicore_tui.protocol import Checkpoint, Event, decode_event
from scaicore_tui.protocol.checkpoints import read_checkpoint
from scaicore_tui.runs import CheckpointTracker, Transition, TransitionKind, TransitionStream
from tests.bench.traffic import sources
from tests.support.builders import MILLISECOND, NOON, SECOND, checkpoint, completed, entered, event, exited, started

FEED = [decode_event(source) for source in sources(400)]


def transitions_of(events: Sequence[Event], cuts: Sequence[int] = (), max_open_runs: int = 1_000) -> list[Transition]:
    """Return the transitions of `events`, read in polls that begin at the indexes `cuts`."""
    stream = TransitionStream(
        lambda key, upto: [(n, e) for n, e in enumerate(events[: upto + 1]) if e.execution_id == key], max_open_runs
    )
    rows, bounds = list(enumerate(events)), [0, *sorted(cuts), len(events)]
    return [change for begin, end in pairwise(bounds) for change in stream.feed(rows[begin:end])]


def row(identity: str = "ckpt_1", **fields: Any) -> Checkpoint:
    return read_checkpoint(json.dumps(checkpoint(identity, **fields)).encode())


def kinds(changes: Sequence[Transition]) -> list[str]:
    """Return the kind of each transition, with its node if it has one."""
    return [f"{change.kind} {change.node_id or ''}".strip() for change in changes]


@given(st.lists(st.integers(0, len(FEED)), max_size=12))
def test_transitions_do_not_depend_on_the_polls(cuts: list[int]) -> None:
    assert transitions_of(FEED, cuts) == transitions_of(FEED)


def test_each_runtime_event_is_one_transition() -> None:
    assert len(transitions_of(FEED)) == sum(step.type.startswith("scaicore.runtime.") for step in FEED) > 100


def test_transitions_do_not_depend_on_the_number_of_open_runs_in_memory() -> None:
    assert transitions_of(FEED, range(0, len(FEED), 7), max_open_runs=2) == transitions_of(FEED)


def test_a_run_that_begins_and_ends_between_two_polls_has_all_its_transitions() -> None:
    steps = [
        started(NOON),
        entered("a", NOON + SECOND),
        exited("a", NOON + SECOND + 412 * MILLISECOND, result_binding="x", result_binding_value=1),
        entered("b", NOON + 2 * SECOND),
        event("block.failed", NOON + 3 * SECOND, node_id="b", block_kind="rigid", error={"code": "NO", "message": "x"}),
        event("custom.note", NOON + 3 * SECOND),
        event("invocation.failed", NOON + 4 * SECOND, error="it failed"),
    ]
    changes = transitions_of(steps)
    assert kinds(changes) == [
        *("run_began", "node_entered a", "node_exited a", "node_entered b", "node_failed b", "run_failed"),
    ]
    assert [change.duration_ms for change in changes] == [None, None, 412, None, 1000, 4000]
    assert [change.error for change in changes][-2:] == ["NO: x", "it failed"]
    assert transition_document(changes[2]) == {
        "at": "2026-04-29T12:00:01.412Z",
        "change": "node_exited",
        "execution_id": "exec_1",
        "core_id": "core_a",
        "node_id": "a",
        "block_kind": "rigid",
        "duration_ms": 412,
        "error": None,
        "result_binding": "x",
        "result_binding_value": 1,
        "result_binding_truncated": False,
    }


def test_a_yielded_transition_does_not_change_later() -> None:
    """The visit changes later, the transition of its start does not."""
    stream = TransitionStream(lambda key, upto: ())
    (began,) = stream.feed([(0, entered("a", NOON))])
    list(stream.feed([(1, exited("a", NOON + SECOND))]))
    assert (began.kind, began.duration_ms, began.visit and began.visit.ended_at) == (
        TransitionKind.NODE_ENTERED,
        None,
        None,
    )


def test_a_repeated_event_causes_no_transition() -> None:
    once = event("block.entered", NOON + 500 * MILLISECOND, node_id="a", block_kind="rigid")
    assert kinds(transitions_of([started(), once, once, completed(), completed()])) == [
        *("run_began", "node_entered a", "run_completed")
    ]


def test_a_failed_block_without_a_node_is_a_transition() -> None:
    (failed,) = transitions_of([event("block.failed", NOON, block_kind="guarded", error="no node")])
    assert (failed.kind, failed.node_id, failed.block_kind, failed.error) == (
        *(TransitionKind.NODE_FAILED, None, "guarded", "no node"),
    )


def test_a_checkpoint_is_reported_once_when_created_and_once_when_closed() -> None:
    pending = CheckpointTracker([row("old")], since=NOON)
    first, second = row("ckpt_1"), row("ckpt_2", options=["ok"])
    assert kinds(list(pending.feed([row("old"), first, second], [], NOON))) == ["checkpoint_waits"] * 2
    assert list(pending.feed([row("old"), first, second], [], NOON)) == []
    assert pending.has_departures([first])
    resolved = row(
        "ckpt_2", status="resolved", resolution="ok", resolved_by="usr_1", resolved_at="2026-04-29T12:00:09Z"
    )
    answered, gone = list(pending.feed([first], [resolved], NOON))
    assert {answered.kind, gone.kind} == {TransitionKind.CHECKPOINT_ANSWERED, TransitionKind.CHECKPOINT_CLOSED}
    resolution = next(change for change in (answered, gone) if change.kind is TransitionKind.CHECKPOINT_ANSWERED)
    assert resolution.at == NOON + 9 * SECOND
    assert transition_document(resolution)["checkpoint"] == {
        "checkpoint_id": "ckpt_2",
        "checkpoint_type": "hitl_review",
        "title": "Review needed",
        "options": ["approve", "reject"],
        "resolution": "ok",
        "resolved_by": "usr_1",
    }
    assert not pending.has_departures([first])


def test_a_checkpoint_created_and_answered_between_polls_is_reported_if_it_is_new() -> None:
    pending = CheckpointTracker([], since=NOON)
    before = row("before", created_at="2026-04-29T11:59:59Z", status="resolved", resolution="ok")
    missed = row("missed", status="resolved", resolution="ok")
    changes = list(pending.feed([], [before, missed], NOON))
    assert [(str(change.kind), change.checkpoint and change.checkpoint.id) for change in changes] == [
        *(("checkpoint_waits", "missed"), ("checkpoint_answered", "missed"))
    ]
    assert list(pending.feed([], [before, missed], NOON)) == []
