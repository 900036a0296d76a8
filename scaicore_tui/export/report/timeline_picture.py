"""The timeline of a run as numbers: rows, bars and labels between 0 and 1 of the width. Pure; drawn by HTML and SVG.

Names and errors are foreign text; the drawings make them safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from scaicore_tui.analysis.step_rows import RowKind, StepRow, build_rows, default_folded
from scaicore_tui.analysis.step_times import step_times
from scaicore_tui.analysis.time_axis import TimeAxis
from scaicore_tui.analysis.time_bars import BarKind
from scaicore_tui.analysis.time_scale import Tick, offset_label, ticks
from scaicore_tui.analysis.timeline_view import (
    Timeline,
    layout_timeline,
    name_suffix,
    row_bar,
    row_style,
    step_notes,
    took_text,
)
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.report.report_facts import step_style
from scaicore_tui.runs.model import NodeState
from scaicore_tui.runs.status_style import StatusStyle

# Labels of the axis are placed as if it were about so many characters wide, and fewer in narrow windows.
AXIS_CELLS = 50
NARROW_CELLS = 36
# Width of the terminal for which the axis is laid out: names and durations stand left and right of it.
_TIMELINE_CELLS = AXIS_CELLS + 10 + 7 + 2
MAX_ROWS = 300
TIMELINE_LEGEND = "Thick bars decided how long the run took; dots wait for a person; ▸ has not ended; ✗ failed."
# Narrower bars could not be seen.
MIN_BAR = 0.004


class PictureBar(Struct, frozen=True):
    """The bar of a row, from `begin` to `end`."""

    begin: float
    end: float
    kind: BarKind
    is_open: bool
    is_critical: bool


class PictureRow(Struct, frozen=True):
    """One row. `name` and `error` are foreign text; `start` is the time since the begin of the run.

    `error` is empty if something in the row has one, and if it is that of the row before.
    """

    name: str
    suffix: str
    depth: int
    style: StatusStyle
    start: str
    took: str
    bar: PictureBar | None
    error: str


class PictureTick(Struct, frozen=True):
    """A label of the axis at `at`. That at the end stands left of its position; only some fit on a phone."""

    at: float
    label: str
    is_end: bool
    is_narrow: bool


class Band(Struct, frozen=True):
    """A part of the axis that is no ordinary time: idle time that is drawn shorter, or a gap. `label` says which."""

    begin: float
    end: float
    label: str
    is_gap: bool = False


class TimelinePicture(Struct, frozen=True):
    """A timeline. `hidden_count` rows at its end are left out; `notes` say what must be known to read it."""

    rows: Sequence[PictureRow]
    ticks: Sequence[PictureTick]
    bands: Sequence[Band]
    notes: Sequence[str]
    hidden_count: int = 0


def picture_timeline(exported: ExportedRun, max_rows: int = MAX_ROWS) -> TimelinePicture:
    """Return the timeline of a run. In long loops only iterations that failed or are active show what is in them."""
    steps = exported.steps
    rows = build_rows(steps, default_folded(steps))
    timeline = layout_timeline(
        steps, rows[:max_rows], _TIMELINE_CELLS, exported.now, gaps=exported.gaps, min_name_cells=0
    )
    axis = timeline.axis
    return TimelinePicture(
        list(_rows(timeline)),
        _ticks(axis),
        [*_folds(axis), *_gaps(timeline)],
        list(step_notes(steps)),
        len(rows) - len(timeline.rows),
    )


def _rows(timeline: Timeline) -> Iterator[PictureRow]:
    containers = {step.parent for step in timeline.steps.steps if step.has_failed}
    last = ""
    for row in timeline.rows:
        is_innermost = row.kind is not RowKind.ITERATION and row.step.index not in containers
        error = (row.step.error or "") if is_innermost and row.state is NodeState.FAILED else ""
        yield _row(timeline, row, error if error != last else "")
        last = error or last


def _row(timeline: Timeline, row: StepRow, error: str) -> PictureRow:
    is_iteration = row.kind is RowKind.ITERATION
    return PictureRow(
        f"iteration {row.iteration}" if is_iteration else row.step.name,
        "" if is_iteration else name_suffix(row),
        row.depth,
        row_style(row) if row.state is not None else step_style(row.step, is_over=timeline.steps.is_over),
        "" if row.step.offset_ms is None else f"+{offset_label(row.step.offset_ms)}",
        took_text(timeline, row) if row.step.is_reached else "",
        _bar(timeline, row),
        error,
    )


def _bar(timeline: Timeline, row: StepRow) -> PictureBar | None:
    bar = row_bar(timeline, row) if row.step.is_reached else None
    members = (timeline.steps.step(index) for index in row.members)
    times = [found for step in members if (found := step_times(step, timeline.steps, timeline.now)) is not None]
    if bar is None or not times:
        return None
    begin = min(timeline.axis.fraction(min(first for first, _ in times)), 1 - MIN_BAR)
    end = max(timeline.axis.fraction(max(last for _, last in times)), begin + MIN_BAR)
    return PictureBar(begin, end, bar.kind, bar.is_open, bar.is_critical)


def _ticks(axis: TimeAxis) -> list[PictureTick]:
    found = [tick for tick in ticks(axis) if not tick.is_fold]
    narrow = _fitting(found, axis)
    return [
        PictureTick(axis.fraction(tick.at), tick.label, tick.at >= axis.window.end, is_narrow=tick in narrow)
        for tick in found
    ]


def _fitting(found: Sequence[Tick], axis: TimeAxis) -> list[Tick]:
    """Return the ticks whose labels do not overlap on a phone; the last one always fits."""
    kept: list[Tick] = []
    limit = 1.0
    for tick in reversed(found):
        length = (len(tick.label) + 2) / NARROW_CELLS
        begin = 1 - length if tick.at >= axis.window.end else axis.fraction(tick.at)
        if begin + length <= limit or not kept:
            kept.append(tick)
            limit = begin
    return kept


def _folds(axis: TimeAxis) -> list[Band]:
    return [
        Band(axis.fraction(part.begin), axis.fraction(part.end), offset_label((part.end - part.begin) / 1000))
        for part in axis.segments
        if part.is_folded
    ]


def _gaps(timeline: Timeline) -> list[Band]:
    axis = timeline.axis
    return [
        Band(axis.fraction(gap.begin), axis.fraction(gap.end), "events may be missing", is_gap=True)
        for gap in timeline.gaps
    ]
