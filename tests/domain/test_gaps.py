"""Gaps: their rows in a list of runs, their labels, and the notes on runs that may miss events."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scaicore_tui.cli.output.stdout import cell_text
from scaicore_tui.cli.output.tables import run_rows
from scaicore_tui.runs import Delta, Gap, GapRow, Positions, RunStatus, Summary, gap_rows, missing_events_note
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.timefmt import format_span
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.run_list_model import RunListModel, View
from scaicore_tui.tui.widgets.run_list import RunList
from tests.support.builders import NOON, SECOND, completed, started
from tests.support.memory_index import MemoryIndex, set_filter

DAY = 86_400 * SECOND
NOW = NOON / SECOND + 3 * 3600


def gap(after: int, begin: int | None = NOON, end: int | None = NOON + 60 * SECOND, *, is_open: bool = False) -> Gap:
    """Return a gap above the run at position `after`, between the times `begin` and `end` in microseconds."""
    return Gap(after, NOON, begin, end, "exec_1", "exec_2", is_open)


UNREAD = replace(gap(0, None, is_open=True), is_history=True)
TOO_LARGE = replace(gap(0), reason=GapReason.TOO_LARGE)


@pytest.mark.parametrize(
    ("begin", "end", "text"),
    [
        (NOON + 1, NOON + 7_200 * SECOND, "12:00:00 to 14:00:00Z"),
        (NOON - DAY, NOON, "04-28 12:00 to 04-29 12:00Z"),
        (NOON - DAY, NOON - DAY + SECOND, "04-28 12:00 to 04-28 12:00Z"),
        (NOON, None, "after 12:00:00Z"),
        (None, NOON, "before 12:00:00Z"),
        (None, None, ""),
    ],
)
def test_the_time_span_of_a_gap_is_formatted(begin: int | None, end: int | None, text: str) -> None:
    assert format_span(begin, end, NOW) == text


@pytest.mark.parametrize(
    ("gaps", "width", "text"),
    [
        ([gap(0)], 90, "gap 12:00:00 to 12:01:00Z: events lost to retention, runs here may be incomplete"),
        ([gap(0)], 74, "gap 12:00:00 to 12:01:00Z: events missing, runs here may be incomplete"),
        ([gap(0)], 60, "gap 12:00:00 to 12:01:00Z: runs here may be incomplete"),
        ([gap(0)], 30, "gap 12:00:00 to 12:01:00Z"),
        ([gap(0, None, None)], 0, "gap"),
        ([gap(0), gap(1, NOON + 90 * SECOND, None)], 30, "2 gaps after 12:00:00Z"),
        ([gap(0, is_open=True)], 74, "catching up 12:00:00 to 12:01:00Z: runs here may be incomplete"),
        ([UNREAD], 74, "older events before 12:01:00Z: not read yet, runs here may be incomplete"),
        ([UNREAD], 40, "older events before 12:01:00Z"),
        ([TOO_LARGE], 99, "gap 12:00:00 to 12:01:00Z: an event too large to read, runs here may be incomplete"),
        ([gap(0, is_open=True)], 52, "catching up 12:00:00 to 12:01:00Z: still being read"),
    ],
)
def test_the_label_of_a_gap_fits_the_width(gaps: list[Gap], width: int, text: str) -> None:
    assert GapRow(0, gaps).label(NOW, width) == text


@given(st.sets(st.integers(0, 30)), st.lists(st.tuples(st.integers(0, 30), st.booleans())))
def test_a_gap_is_between_the_runs_on_its_sides(positions: set[int], found: Sequence[tuple[int, bool]]) -> None:
    runs = Positions(positions)
    gaps = [gap(after, is_open=is_open) for after, is_open in sorted(found)]
    rows = gap_rows(gaps, lambda gap: runs.count_above(gap.after))
    newest_first = sorted(positions, reverse=True)
    for row in rows:
        assert all(position > above.after for above in row.gaps for position in newest_first[: row.row])
        assert all(position <= below.after for below in row.gaps for position in newest_first[row.row :])
    assert [listed for row in reversed(rows) for listed in row.gaps] == gaps
    assert [row.row for row in rows] == sorted(row.row for row in rows)


def index_of(*positions: int, gaps: Sequence[Gap] = ()) -> MemoryIndex:
    """Return an index of runs with these positions."""
    index = MemoryIndex()
    index.add_newer([started(NOON + position, f"exec_{position:06}") for position in positions])
    index.gaps = gaps
    return index


def run_list_of(index: MemoryIndex) -> RunListModel:
    """Return a list of all runs of `index`."""
    run_list = RunListModel()
    run_list.apply(index, Delta())
    return run_list


def gap_at(position: int) -> Gap:
    """Return a gap above `position`, after the only event of the run there."""
    return replace(gap(position), last_at=NOON + position)


def test_a_filtered_list_shows_all_gaps() -> None:
    index = index_of(*range(6), gaps=[gap_at(1), gap_at(3)])
    run_list = run_list_of(index)
    assert [row.row for row in run_list.gap_rows] == [2, 4]
    set_filter(run_list, index, View.ALL, "exec_000005")
    assert [(row.row, len(row.gaps)) for row in run_list.gap_rows] == [(1, 2)]
    set_filter(run_list, index, View.FAILED, "")
    assert [(row.row, len(row.gaps)) for row in run_list.gap_rows] == [(0, 2)]


@given(st.integers(0, 6), st.lists(st.tuples(st.integers(-1, 6), st.booleans()), max_size=6))
def test_each_line_is_a_row_or_a_gap(count: int, found: list[tuple[int, bool]]) -> None:
    gaps = [gap(after, is_open=is_open) for after, is_open in sorted(found)]
    run_list = run_list_of(index_of(*range(count), gaps=gaps))
    runs = RunList(run_list)
    runs._gaps = run_list.gap_rows
    lines = range(runs.line_count)
    rows = [row for line in lines if (row := runs.row_at(line)) is not None]
    assert rows == list(range(count))
    assert [runs.line_of(row) for row in rows] == [line for line in lines if runs.row_at(line) is not None]
    assert sum(runs._gap_at(line) is not None for line in lines) == len(run_list.gap_rows)
    assert (runs.line_of(-1), runs.line_of(count)) == (-1, count + len(run_list.gap_rows))


def test_gaps_in_a_long_list_are_drawn_without_iterating_over_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    count, drawn = 10_000, list[int]()
    run_list = run_list_of(index_of(*range(count), gaps=[gap_at(position) for position in range(99, count, 1_000)]))

    def draw_row(_: RunList, row: int) -> Line:
        drawn.append(row)
        return []

    monkeypatch.setattr(RunList, "draw_row", draw_row)
    monkeypatch.setattr(Positions, "__iter__", lambda _: pytest.fail("iterated over all runs"))
    monkeypatch.setattr(Positions, "copy", lambda _: pytest.fail("copied all runs"))
    runs = RunList(run_list)
    runs._gaps = run_list.gap_rows
    runs.draw(0)
    runs.draw(runs.line_count - 1)
    assert (runs.line_count, drawn) == (count + 10, [0, count - 1])


def run(position: int, **fields: object) -> Summary:
    """Return the summary of an unfinished run that started at noon."""
    known = {"joined_late": False, "is_runtime": True, "last_event_at": NOON} | fields
    return Summary(f"exec_{position}", position, **known)  # type: ignore[arg-type]


def ended(position: int, at: int, **fields: object) -> Summary:
    """Return the summary of a run that completed at `at`."""
    return run(position, outcome=RunStatus.COMPLETED, last_event_at=at, **fields)


@pytest.mark.parametrize(
    ("summary", "may_miss"),
    [
        pytest.param(run(3), True, id="began before the gap, still running"),
        pytest.param(ended(3, NOON - 1), False, id="ended before the gap"),
        pytest.param(ended(3, NOON + 90 * SECOND), True, id="ended after the gap"),
        pytest.param(run(9), False, id="began after the gap"),
        pytest.param(run(9, joined_late=True), True, id="may have begun in the gap"),
        pytest.param(run(9, joined_late=True, is_runtime=False), False, id="of a Core that publishes no start events"),
        pytest.param(run(3, joined_late=True, outcome=RunStatus.FAILED), False, id="joined late, with no gap below"),
    ],
)
def test_only_runs_that_overlap_a_gap_may_miss_events(summary: Summary, may_miss: bool) -> None:
    note = missing_events_note(summary, [gap(5)], NOW)
    assert note == ("events may be missing: 12:00:00 to 12:01:00Z" if may_miss else "")


def test_events_still_being_read_are_not_reported_as_missing() -> None:
    assert (
        missing_events_note(run(3), [gap(5, is_open=True)], NOW) == "events are still being read: 12:00:00 to 12:01:00Z"
    )
    assert missing_events_note(run(3), [gap(5, None, None)], NOW) == "events may be missing: there is a gap"


def test_a_table_has_a_line_for_each_gap() -> None:
    index = MemoryIndex()
    index.add_newer([step for n in range(4) for step in (started(NOON, f"exec_{n}"), completed(NOON, f"exec_{n}"))])
    gaps = gap_rows([gap(-1), gap(3)], lambda gap: index.order.count_above(gap.after))
    rows = run_rows(index.summaries(), gaps, NOW, ascii_only=True, width=99)
    assert [row[1] if len(row) > 1 else cell_text(row[0])[:7] for row in rows] == [
        "exec_3",
        "exec_2",
        "-  gap ",
        "exec_1",
        "exec_0",
        "-  gap ",
    ]
