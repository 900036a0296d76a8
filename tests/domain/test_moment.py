"""A run as of one of its events: phases of steps, and the timeline in which later things are faint."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.flow_rails import Span
from scaicore_tui.analysis.moment import Moment, Phase
from scaicore_tui.analysis.run_history import RunHistory
from scaicore_tui.analysis.step_rows import build_rows, step_id
from scaicore_tui.analysis.step_times import Stretch, step_times, times_of
from scaicore_tui.analysis.steps import RunSteps, Step, build_steps
from scaicore_tui.analysis.timeline_past import FAINT, past_axis_line, past_row_line
from scaicore_tui.analysis.timeline_view import Timeline, all_rows, layout_timeline, row_line
from scaicore_tui.protocol import Event
from scaicore_tui.runs.model import NodeState
from scaicore_tui.text import cell_width
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, event, exited, started
from tests.support.generated_flows import execute
from tests.support.step_truth import reduce_events

LEAF_KINDS = {"rigid", "core_call", "flexible", "guarded"}
EVENTS = (
    started(NOON),
    entered("each", NOON, kind="foreach"),
    entered("a", NOON),
    exited("a", NOON + 2 * SECOND),
    entered("a", NOON + 2 * SECOND),
    event("block.failed", NOON + 6 * SECOND, node_id="a", block_kind="rigid", error={"message": "busy"}),
    exited("each", NOON + 8 * SECOND, kind="foreach"),
    entered("b", NOON + 8 * SECOND),
    exited("b", NOON + 10 * SECOND),
    completed(NOON + 10 * SECOND),
)


def timeline_of(events: Sequence[Event], *, ascii_only: bool = False) -> Timeline:
    steps = build_steps(reduce_events("exec_1", events))
    return layout_timeline(steps, all_rows(steps), 60, NOON + 10 * SECOND, ascii_only=ascii_only)


def text_of(spans: Sequence[Span]) -> str:
    return "".join(text for text, _ in spans)


def colours(spans: Sequence[Span]) -> set[str]:
    return {colour for text, colour in spans if text.strip()}


def lines_at(number: int, *, ascii_only: bool = False) -> list[list[Span]]:
    timeline = timeline_of(EVENTS, ascii_only=ascii_only)
    moment = Moment(number, EVENTS[number - 1].at or 0)
    return [past_row_line(timeline, row, moment) for row in timeline.rows]


def test_what_ended_is_as_it_is_what_is_open_is_cut_and_what_comes_later_is_faint() -> None:
    timeline = timeline_of(EVENTS)
    each, first, a, second, again, b = lines_at(5)
    assert [first, a] == [row_line(timeline, row) for row in timeline.rows[1:3]]
    # Open: up to the cursor, then faint; for how long so far.
    assert text_of(each).startswith("● each ↻2 ")
    assert text_of(each).endswith("2.0s…")
    assert {"blue", FAINT} <= colours(each)
    bar, faint = each[4][0], each[5][0]
    assert bar.endswith("▸")
    assert set(faint.strip()) == {"─"}
    assert text_of(again).split()[:2] == ["●", "a"]
    assert "busy" not in text_of(again) + text_of(second)
    assert colours(b) == {FAINT}
    # Also without colour.
    assert text_of(b).split()[0] == "○"
    assert "──" in text_of(b)
    assert "█" not in text_of(b)


def test_before_the_second_iteration_there_was_one() -> None:
    each, *_, second, again, _ = lines_at(4)
    assert text_of(each).startswith("● each ↻1 ")
    assert colours(second) == colours(again) == {FAINT}


def test_at_the_last_event_the_past_is_the_present() -> None:
    timeline = timeline_of(EVENTS)
    assert lines_at(len(EVENTS)) == [row_line(timeline, row) for row in timeline.rows]


def test_ascii_has_signs_for_all() -> None:
    lines = lines_at(5, ascii_only=True)
    assert all(text_of(line).isascii() for line in lines)
    assert "v" in text_of(past_axis_line(timeline_of(EVENTS, ascii_only=True), Moment(5, NOON + 5 * SECOND), 3))


@pytest.mark.parametrize(("count", "shown"), [(0, ""), (3, "▲ 3 new"), (1_200, "▲ 1,200 new")])
def test_the_axis_shows_the_cursor_and_counts_what_is_new(count: int, shown: str) -> None:
    timeline = timeline_of(EVENTS)
    line = past_axis_line(timeline, Moment(5, NOON + 5 * SECOND), count)
    text = text_of(line)
    assert shown in text
    assert ("new" in text) == bool(count)
    first = timeline.name_cells + 1
    assert text.index("▼") - first == timeline.axis.width // 2
    assert cell_width(text) == 60


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(30, 120), st.integers(0, 300))
def test_any_run_at_any_event(seed: int, number: int, width: int, seconds: int) -> None:
    execution = execute(seed)
    history = RunHistory(execution.id, execution.events)
    number = min(number, len(history))
    then, steps = build_steps(history.at(number)), build_steps(history.at(len(history)))
    moment = Moment(number, history.event(number).at or NOON)
    check_steps(moment, steps, then)
    check_widths(moment, steps, width, history.event(len(history)).at or NOON)
    check_idle(spread(then), seconds)


def check_steps(moment: Moment, steps: RunSteps, then: RunSteps) -> None:
    """Check the steps as of a moment against the fold of the events up to there."""
    shown = [moment.step(step) for step in steps.steps]
    assert [facts(step) for step in shown if step.is_reached] == [facts(step) for step in then.steps]
    assert all(step.state is None and moment.phase(step) is Phase.LATER for step in shown if not step.is_reached)


def facts(step: Step) -> tuple[object, ...]:
    """Return what is the same however a step was made; its attempt is known only later."""
    times = (step.entered_at, step.ended_at, step.duration_ms)
    return (step.node_id, step.state, *times, step.error, step.entered_event, step.ended_event)


def check_widths(moment: Moment, steps: RunSteps, width: int, now: int) -> None:
    """Check that lines of the past are as wide as those of the present, folded or not."""
    for rows in (all_rows(steps), build_rows(steps, {step_id(steps.step(0))})):
        timeline = layout_timeline(steps, rows, width, now)
        expected = cell_width(text_of(row_line(timeline, rows[0])))
        assert {cell_width(text_of(past_row_line(timeline, row, moment))) for row in rows} == {expected}
        assert cell_width(text_of(past_axis_line(timeline, moment, 2))) == expected


def check_idle(steps: RunSteps, seconds: int) -> None:
    """Check that nothing works in idle times, also where steps are open."""
    times = times_of(steps)
    now = times.limits(0).end + seconds * SECOND
    whole = times.limits(now)
    leaves = [step for step in steps.steps if step.index not in steps.children and step.block_kind in LEAF_KINDS]
    worked = [found for step in leaves if (found := step_times(step, steps, now)) is not None]
    for stretch in times.idle(now):
        assert whole.begin <= stretch.begin < stretch.end <= whole.end
        assert stretch.length > 60 * SECOND
        assert not any(begin < stretch.end and end > stretch.begin for begin, end in worked)


def spread(steps: RunSteps) -> RunSteps:
    """Make a run take a thousand times as long, so that it has idle times."""
    for step in steps.steps:
        for name in ("entered_at", "ended_at"):
            at = getattr(step, name)
            if at is not None:
                setattr(step, name, NOON + (at - NOON) * 1_000)
    steps.began_at = None if steps.began_at is None else NOON + (steps.began_at - NOON) * 1_000
    steps.ended_at = None if steps.ended_at is None else NOON + (steps.ended_at - NOON) * 1_000
    return steps


def test_a_step_without_end_works_until_now() -> None:
    steps = build_steps(reduce_events("exec_1", [started(NOON), entered("a", NOON + MILLISECOND)]))
    times = times_of(steps)
    assert times.idle(NOON + 500 * SECOND) == ()
    assert times.limits(NOON + 500 * SECOND) == Stretch(NOON, NOON + 500 * SECOND)
    assert steps.step(0).state is NodeState.ENTERED
