"""The time axis, its labels and zoom, bars, density and the critical path."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.step_rows import build_rows, default_folded, step_id
from scaicore_tui.analysis.step_times import Stretch, times_of
from scaicore_tui.analysis.steps import RunSteps, build_steps
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL, TimeAxis, build_axis
from scaicore_tui.analysis.time_bars import BarKind, bar_of, critical_path, density
from scaicore_tui.analysis.time_scale import offset_label, ticks, zoom
from scaicore_tui.analysis.timeline_view import (
    all_rows,
    axis_line,
    bar_text,
    layout_timeline,
    minimap_line,
    note_lines,
    row_lines,
)
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Gap
from scaicore_tui.text import cell_width
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, event, exited, started
from tests.support.generated_flows import execute
from tests.support.step_truth import reduce_events

HOUR = 3_600 * SECOND
NOW = NOON + 10 * HOUR


def steps_of(*events: Event) -> RunSteps:
    return build_steps(reduce_events("exec_1", events))


def ran(node: str, begin: float, end: float, kind: str = "rigid") -> list[Event]:
    """Return the events of a visit between two times in seconds after noon."""
    return [entered(node, at(begin), kind=kind), exited(node, at(end), kind=kind)]


def at(seconds: float) -> int:
    return NOON + round(seconds * SECOND)


def failed(node: str, seconds: float) -> Event:
    return event("block.failed", at(seconds), node_id=node, block_kind="rigid", error={"code": "BROKEN"})


def run_steps(*visits: list[Event], end: float = 20) -> RunSteps:
    """Return the steps of a completed run; its events are sorted by time."""
    rows = sorted((row for visit in visits for row in visit), key=lambda row: row.at or 0)
    return steps_of(started(NOON), *rows, completed(at(end)))


WAITED = run_steps(ran("a", 0, 4), ran("ask", 4, 7_204, "checkpoint"), ran("b", 7_204, 7_210), end=7_210)


@st.composite
def axes(draw: st.DrawFn) -> TimeAxis:
    """An axis of a run with pauses between its visits, maybe zoomed."""
    spans = draw(st.lists(st.tuples(st.integers(0, 400 * SECOND), st.integers(0, 9 * SECOND)), min_size=1, max_size=8))
    now, events = NOON, [started(NOON)]
    for number, (pause, length) in enumerate(spans):
        now += pause
        events.append(entered(f"n{number}", now))
        now += length
        events.append(exited(f"n{number}", now))
    steps = steps_of(*events, completed(now))
    width = draw(st.integers(1, 200))
    folds = draw(st.booleans())
    whole = build_axis(steps, width, NOW, folds_idle=folds)
    if draw(st.booleans()):
        return whole
    window = zoom(whole, draw(st.integers(NOON, now)), draw(st.floats(0.001, 1)))
    return build_axis(steps, width, NOW, folds_idle=folds, window=window)


@given(axes())
def test_every_half_cell_has_a_time_and_every_time_its_half_cell(axis: TimeAxis) -> None:
    times = [axis.time_at(half) for half in range(axis.halves)]
    assert [axis.half_cell(found) for found in times] == list(range(axis.halves))
    # Each is the first time of its half cell.
    assert all(axis.half_cell(found - 1) == half - 1 for half, found in enumerate(times) if half)
    assert times[0] == axis.window.begin
    assert axis.time_at(axis.halves) == axis.window.end


@given(axes(), st.integers(NOON - SECOND, NOON + HOUR), st.integers(0, HOUR))
def test_later_times_are_never_further_left(axis: TimeAxis, time: int, more: int) -> None:
    assert 0 <= axis.half_cell(time) <= axis.half_cell(time + more) < axis.halves
    assert axis.half_cell(time) <= axis.edge(time + more) <= axis.halves


@given(axes())
def test_labels_do_not_overlap_and_stand_at_their_times(axis: TimeAxis) -> None:
    found = ticks(axis)
    for before, after in pairwise(found):
        assert before.end < after.cell
    for tick in found:
        assert tick.cell >= 0
        assert tick.end <= axis.width or tick.is_fold
        if not tick.is_fold and tick.at != axis.window.end:
            assert tick.cell == axis.half_cell(tick.at) // HALVES_PER_CELL


def test_labels_are_round() -> None:
    axis = build_axis(run_steps(ran("a", 0, 23), end=23), 46, NOW)
    assert [(tick.cell, tick.label) for tick in ticks(axis)] == [
        (0, "0s"),
        (10, "5s"),
        (20, "10s"),
        (30, "15s"),
        (43, "23s"),
    ]


@pytest.mark.parametrize(
    ("milliseconds", "label"),
    [(0, "0s"), (250, "250ms"), (1_000, "1s"), (1_500, "1.5s"), (60_000, "1m"), (125_000, "2m05s"), (7_200_000, "2h")],
)
def test_offset_labels(milliseconds: float, label: str) -> None:
    assert offset_label(milliseconds) == label


def test_a_wait_for_a_person_is_folded() -> None:
    assert times_of(WAITED).idle(NOW) == (Stretch(at(4), at(7_204)),)
    axis = build_axis(WAITED, 56, NOW)
    # Ten seconds share the 50 cells that the fold leaves.
    assert [axis.half_cell(at(second)) for second in (0, 1, 4, 7_204, 7_205)] == [0, 10, 40, 52, 62]
    assert [tick.label for tick in ticks(axis) if tick.is_fold] == ["2h"]
    assert build_axis(WAITED, 56, NOW, folds_idle=False).folds == ()


@pytest.mark.parametrize(
    ("pause", "is_folded"),
    [(59, False), (60, False), (61, True)],
)
def test_idle_is_longer_than_a_minute(pause: float, is_folded: bool) -> None:
    steps = run_steps(ran("a", 0, 1), ran("b", 1, 2), ran("c", pause + 2, pause + 3), end=pause + 3)
    assert bool(times_of(steps).idle(NOW)) == is_folded


def test_idle_is_longer_than_ten_usual_gaps_and_a_twentieth_of_the_work() -> None:
    # Gaps of 10 s: less than 100 s is usual.
    regular = [ran(f"n{number}", 20 * number, 20 * number + 10) for number in range(6)]
    assert not times_of(run_steps(*regular, ran("z", 209, 210), end=210)).idle(NOW)
    assert times_of(run_steps(*regular, ran("z", 211, 212), end=212)).idle(NOW)
    # An hour of work: three minutes are not much.
    long = [ran("a", 0, 3_600), *[ran(f"n{number}", number, number + 1) for number in range(10)]]
    assert not times_of(run_steps(*long, ran("z", 3_780, 3_781), end=3_781)).idle(NOW)
    assert times_of(run_steps(*long, ran("z", 3_782, 3_783), end=3_783)).idle(NOW)


def test_open_containers_do_not_work() -> None:
    steps = run_steps(ran("each", 0, 300, "foreach"), ran("a", 1, 2), ran("b", 200, 201), end=300)
    assert times_of(steps).idle(NOW) == (Stretch(at(2), at(200)), Stretch(at(201), at(300)))


def test_many_folds_keep_half_of_the_axis() -> None:
    visits = [ran(f"n{number}", 500 * number, 500 * number + 1) for number in range(40)]
    axis = build_axis(run_steps(*visits, end=19_501), 48, NOW)
    assert sum(segment.is_folded for segment in axis.segments) == 4
    assert len(axis.folds) == 39


def test_a_run_that_goes_on_grows_with_the_time() -> None:
    steps = steps_of(started(NOON), entered("a", NOON))
    for second in (10, 20):
        axis = build_axis(steps, 10, at(second))
        assert axis.whole.end == at(second)
        bar = bar_of(axis, steps, steps.step(0), at(second))
        assert bar is not None
        assert (bar.begin, bar.end, bar.is_open) == (0, 20, True)


def test_bars() -> None:
    steps = run_steps(ran("a", 0, 5), ran("zero", 5, 5), ran("ask", 5, 10, "checkpoint"), end=20)
    axis = build_axis(steps, 20, NOW)
    bars = [bar_of(axis, steps, step, NOW) for step in steps.steps]
    assert [bar and (bar.begin, bar.end, bar.kind) for bar in bars] == [
        (0, 10, BarKind.RAN),
        (10, 11, BarKind.RAN),
        (10, 20, BarKind.WAITED),
    ]


def test_bars_outside_the_window_are_cut() -> None:
    steps = run_steps(ran("a", 0, 5), ran("b", 5, 15), ran("c", 15, 20))
    axis = build_axis(steps, 10, NOW, window=Stretch(at(6), at(10)))
    bars = [bar_of(axis, steps, step, NOW) for step in steps.steps]
    assert bars[0] is None
    assert bars[2] is None
    assert bars[1] is not None
    assert (bars[1].begin, bars[1].end, bars[1].is_cut_left, bars[1].is_cut_right) == (0, 20, True, True)
    assert axis.is_zoomed


def test_zoom_keeps_its_centre_and_its_limits() -> None:
    axis = build_axis(run_steps(ran("a", 0, 20)), 10, NOW)
    assert zoom(axis, at(10), 0.5) == Stretch(at(5), at(15))
    assert zoom(axis, at(1), 0.5) == Stretch(at(0), at(10))
    assert zoom(axis, at(10), 4) == axis.whole
    assert zoom(axis, at(10), 0).length == 10 * MILLISECOND


def test_zoom_does_not_count_folded_time() -> None:
    axis = build_axis(WAITED, 56, NOW)
    window = zoom(axis, at(7_205), 0.4)
    assert window == Stretch(at(3), at(7_207))
    assert build_axis(WAITED, 56, NOW, window=window).busy == 4 * SECOND


def test_the_critical_path_goes_back_from_the_end() -> None:
    steps = run_steps(
        ran("a", 0, 2),
        ran("p", 2.1, 12, "parallel"),
        ran("quick", 2.2, 4),
        ran("slow", 2.3, 8),
        ran("then", 8.1, 11.9),
        ran("late", 4.1, 6),
        ran("z", 12.1, 20),
    )
    names = {steps.step(index).name for index in critical_path(steps)}
    assert names == {"a", "p", "slow", "then", "z"}


def test_density_shows_failures_among_many_visits() -> None:
    rows = [row for number in range(100) for row in ran("a", number / 10, number / 10 + 0.05)]
    rows[101] = failed("a", 5.05)
    steps = steps_of(
        started(NOON), entered("each", NOON, kind="foreach"), *rows, exited("each", at(20), kind="foreach")
    )
    axis = build_axis(steps, 20, at(20))
    cells = density(axis, steps, steps.children_of(0), at(20))
    assert [cell.eighths for cell in cells] == [8] * 10 + [0] * 10
    assert [index for index, cell in enumerate(cells) if cell.has_failed] == [5]


def text_of(steps: RunSteps, width: int, *, ascii_only: bool = False) -> list[str]:
    timeline = layout_timeline(steps, all_rows(steps), width, NOW, ascii_only=ascii_only)
    lines = [axis_line(timeline), *(row.line for row in row_lines(timeline))]
    return ["".join(text for text, _ in line) for line in lines]


def test_the_lines_of_a_timeline() -> None:
    first = [entered("post", at(5)), failed("post", 10)]
    steps = run_steps(ran("take", 0, 5), first, ran("post", 10.5, 12.5), ran("ask", 12.5, 20, "checkpoint"))
    assert text_of(steps, 60) == [
        "NODE           0s       5s       10s      15s    20s    TOOK",
        "✓ take         █████████                                5.0s",
        "✗ post 1                █████████✗ BROKEN               5.0s",
        "✓ post 2 retry                    ████                  2.0s",
        "✓ ask                                 ░░░░░░░░░░░░░░    7.5s",
    ]
    assert text_of(steps, 60, ascii_only=True) == [
        "NODE           0s       5s       10s      15s    20s    TOOK",
        "+ take         #########                                5.0s",
        "x post 1                #########x BROKEN               5.0s",
        "+ post 2 retry                    ####                  2.0s",
        "+ ask                                 ..............    7.5s",
    ]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("width", [40, 61, 120])
@pytest.mark.parametrize("seed", [4, 8, 21])
def test_all_lines_are_as_wide_as_asked(seed: int, width: int, ascii_only: bool) -> None:
    execution = execute(seed)
    steps = build_steps(reduce_events(execution.id, execution.events))
    found = text_of(steps, width, ascii_only=ascii_only)
    assert {cell_width(line) for line in found} == {width}
    assert not ascii_only or all(line.isascii() for line in found)


def test_a_folded_loop_with_more_visits_than_cells_shows_their_density() -> None:
    rows = [row for number in range(100) for row in ran("a", number / 10, number / 10 + 0.05)]
    rows[101] = failed("a", 5.05)
    steps = steps_of(
        started(NOON), entered("each", NOON, kind="foreach"), *rows, exited("each", at(10), kind="foreach")
    )
    timeline = layout_timeline(steps, build_rows(steps, {step_id(steps.step(0))}), 60, at(10))
    (row,) = row_lines(timeline)
    line = "".join(text for text, _ in row.line)
    assert "✗" in line
    assert "█" in line


def test_a_zoomed_timeline_has_a_map() -> None:
    steps = run_steps(ran("a", 0, 20))
    rows = build_rows(steps, default_folded(steps))
    assert minimap_line(layout_timeline(steps, rows, 60, NOW)) == []
    timeline = layout_timeline(steps, rows, 60, NOW, window=Stretch(at(5), at(10)))
    line = minimap_line(timeline)[-1][0]
    assert line.index("━") == timeline.axis.width // 4
    assert len(line) == timeline.axis.width


@pytest.mark.parametrize(
    ("last", "then", "axis"),
    [
        (at(5), at(10), "0s        ??????????10s       15s    20s"),
        (at(15), None, "0s        5s        10s       ??????????"),
        (at(5), at(5.01), "0s        ?s        10s       15s    20s"),
        (at(30), at(40), "0s        5s        10s       15s    20s"),
    ],
)
def test_a_gap_is_drawn_on_the_axis(last: int, then: int | None, axis: str) -> None:
    steps = run_steps(ran("a", 0, 20))
    gap = Gap(1, NOON, last, then, None, None)
    timeline = layout_timeline(steps, all_rows(steps), 59, NOW, gaps=[gap])
    ((line, _),) = axis_line(timeline)
    assert line[11:51].rstrip() == axis
    assert any(note.startswith("? events may be missing") for note in note_lines(timeline)) is ("?" in axis)


def test_signs_of_bars() -> None:
    steps = run_steps(
        ran("a", 0, 5.5), [entered("b", at(5.5)), failed("b", 8)], ran("ask", 8, 10, "checkpoint"), end=10
    )
    axis = build_axis(steps, 10, NOW)
    bars = [bar_of(axis, steps, step, NOW) for step in steps.steps]
    assert [bar and bar_text(bar) for bar in bars] == ["▄▄▄▄▄▖", "     ▗▄✗", "        ░░"]
    assert [bar and bar_text(bar, ascii_only=True) for bar in bars] == ["======", "     ==x", "        .."]


def test_notes_say_what_is_inferred_and_what_is_wrong() -> None:
    steps = steps_of(started(NOON), exited("a", NOON + 5 * SECOND), entered("a", NOON), completed(at(6)))
    notes = list(note_lines(layout_timeline(steps, all_rows(steps), 60, NOW)))
    assert [note.partition(":")[0] for note in notes] == [
        "indented by the order of the events",
        "times are whole seconds",
        "clock",
    ]


def test_names_are_made_safe() -> None:
    steps = run_steps(ran("\x1b[31mred\n", 0, 20))
    found = "".join(text_of(steps, 60))
    assert "\x1b" not in found
    assert "\n" not in found
