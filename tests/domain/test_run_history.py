"""A run as of any of its events."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.run_history import RunHistory, copy_run, parse_moment
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.reduce import apply
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, exited, started
from tests.support.generated_flows import execute
from tests.support.strategies import EVENTS_OF_TWO_RUNS

EVENTS = [
    started(NOON),
    entered("a", NOON + SECOND),
    exited("a", NOON + 2 * SECOND),
    entered("b", NOON + 3 * SECOND),
    exited("b", NOON + 4 * SECOND),
    completed(NOON + 5 * SECOND),
]


def reduced(events: Sequence[Event]) -> dict[str, object]:
    """Return the document of a run after `events`, without what only repeats change."""
    run = Run("exec_1")
    for event in events:
        apply(run, event)
    run.status = run.outcome or RunStatus.RUNNING
    return dict(run_document(run))


def test_each_step_shows_the_state_of_its_time() -> None:
    history = RunHistory("exec_1", EVENTS)
    assert len(history) == 6
    for number in [*range(7), *range(6, -1, -1)]:
        assert dict(run_document(history.at(number))) == reduced(EVENTS[:number])


def test_stepping_in_any_direction_agrees_with_reading_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Few events are replayed, so that saved states are used and replaced.
    monkeypatch.setattr("scaicore_tui.analysis.run_history.MIN_REPLAYED_EVENTS", 8)
    execution = execute(4)
    history = RunHistory(execution.id, execution.events)
    numbers = [3, 40, 39, 38, 12, 60, 59, 20, 0, len(history), 5, 6, 7]
    for number in numbers:
        run = Run(execution.id)
        for event in history.between(1, len(history))[:number]:
            apply(run, event)
        run.status = run.outcome or RunStatus.RUNNING
        assert run_document(history.at(number)) == run_document(run)


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_any_events_in_any_order_of_steps(events: Sequence[Event], numbers: Sequence[int]) -> None:
    own = [event for event in events if event.execution_id == "exec_1"]
    history = RunHistory("exec_1", own)
    for number in numbers:
        kept = history.between(1, len(history))[: min(number, len(history))]
        run = Run("exec_1")
        for event in kept:
            apply(run, event)
        found = history.at(number)
        assert found.event_count == len(kept)
        assert [(node.node_id, node.visits) for node in found.nodes.values()] == [
            (node.node_id, node.visits) for node in run.nodes.values()
        ]


def test_a_copy_does_not_change_with_its_original() -> None:
    run = Run("exec_1")
    for event in EVENTS[:2]:
        apply(run, event)
    copy = copy_run(run)
    apply(run, EVENTS[2])
    assert [node.visits[0].is_open for node in copy.nodes.values()] == [True]
    apply(copy, EVENTS[2])
    assert copy.nodes == run.nodes
    assert copy.open_count == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("6", 6),
        ("0", None),
        ("7", None),
        ("9" * 50, None),
        ("+0s", 1),
        ("+2.5s", 3),
        ("+3000ms", 4),
        ("+1h", 6),
        ("12:00:04", 5),
        ("12:00:03.999", 4),
        ("12:00", 1),
        ("11:59:59", 6),  # a day later
        ("2026-04-29T12:00:01Z", 2),
        ("2026-04-29T11:00:00Z", None),
        ("soon", None),
        ("", None),
        ("12:99", None),
    ],
)
def test_moments(text: str, number: int | None) -> None:
    assert parse_moment(text, RunHistory("exec_1", EVENTS)) == number


def test_a_run_without_events_has_no_moments() -> None:
    history = RunHistory("exec_1", [])
    assert [parse_moment(text, history) for text in ("1", "+1s", "12:00")] == [None] * 3
    assert history.at(3).event_count == 0


def test_repeats_have_no_number() -> None:
    again = [
        started(NOON),
        entered("a", NOON + MILLISECOND),
        entered("a", NOON + MILLISECOND),
        completed(NOON + SECOND),
    ]
    history = RunHistory("exec_1", again)
    assert len(history) == 3
    # What was taken for a repeat may have been an event of a fast loop: steps need to know of it.
    assert [history.at(number).duplicates for number in range(4)] == [0, 0, 1, 1]


def test_the_feed_counts_repeats_too() -> None:
    history = RunHistory("exec_1", [*EVENTS[:2], EVENTS[1], EVENTS[2], EVENTS[0], *EVENTS[3:]])
    assert [history.feed_number(number) for number in range(1, 7)] == [1, 2, 4, 6, 7, 8]


def test_of_a_long_run_the_newest_events_are_kept() -> None:
    whole, history = RunHistory("exec_1", EVENTS), RunHistory("exec_1", EVENTS, skip=3)
    assert (history.first, len(history)) == (4, len(EVENTS))
    assert [history.event(number) for number in (4, 6)] == [whole.event(number) for number in (4, 6)]
    for number in (6, 4, 5, 3):
        assert history.at(number).nodes == whole.at(number).nodes
    assert history.at(1).event_count == 3
    assert [parse_moment(text, history) for text in ("3", "4", "+0s", "+1h")] == [None, 4, None, 6]
    assert list(history.between(1, 5)) == list(whole.between(4, 5))
