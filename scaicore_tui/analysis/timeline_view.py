"""A run as a timeline, in lines of text: one row a step, its bar on the time axis. Pure; for screen and command line.

Bars tell what they mean without colour: heavy ones are on the critical path, dotted ones wait for a person, `▸` is open
and `✗` ends in failure. Names and errors are foreign text: they are made safe here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from scaicore_tui.analysis.flow_rails import Span
from scaicore_tui.analysis.step_rows import RowKind, StepRow, build_rows
from scaicore_tui.analysis.step_times import StepTimes, Stretch, times_of
from scaicore_tui.analysis.steps import NOT_REACHED, PARENT, RunSteps, Step
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL, TimeAxis, build_axis
from scaicore_tui.analysis.time_bars import Bar, BarKind, DensityCell, bar_of, critical_path, density
from scaicore_tui.analysis.time_scale import ticks
from scaicore_tui.runs import Gap
from scaicore_tui.runs.model import NodeState
from scaicore_tui.runs.status_style import NODE_STYLES, REVIEW, StatusStyle
from scaicore_tui.text import cell_width, one_line, pad, truncate
from scaicore_tui.timefmt import format_duration
from scaicore_tui.units import Micros

NOT_REACHED_STYLE = StatusStyle("·", "-", "not reached", "grey")
NOT_YET_STYLE = StatusStyle("○", "o", "not yet", "grey")
MIN_WIDTH_CELLS = 40
NAME_SHARE = 3
MAX_NAME_CELLS, MIN_NAME_CELLS = 40, 10
TOOK_CELLS = 7
GAP_CELLS = 1
MIN_ERROR_CELLS = 8
GAP_SIGN = "?"
_INDENT = "  "


class BarSigns(Struct, frozen=True):
    """The characters of bars: whole cell, left half and right half of it."""

    critical: str
    ran: str
    waited: str
    is_open: str
    failed: str
    density: str


UNICODE_SIGNS = BarSigns("█▌▐", "▄▖▗", "░░░", "▸", "✗", "▁▂▃▄▅▆▇█")
ASCII_SIGNS = BarSigns("###", "===", "...", ">", "x", "12345678")


class TimelineRow(Struct, frozen=True):
    """The line of one row."""

    row: StepRow
    line: Sequence[Span]


class StepFacts(Struct, frozen=True):
    """The facts about all steps of a run that a timeline needs, whatever the time and the rows."""

    times: StepTimes
    critical: frozenset[int]


def facts_of(steps: RunSteps) -> StepFacts:
    """Return the facts of the steps of a run. This takes long for many of them: compute them once."""
    return StepFacts(times_of(steps), critical_path(steps))


class Timeline(Struct, frozen=True):
    """A run on an axis: all that its lines are made of.

    Attributes:
        now: the server's time, at which open bars end.
        name_cells: width of the column with the names.
        times: those of all steps.
        critical: indexes of the steps on the critical path.
        gaps: stretches in which events may be missing.
    """

    steps: RunSteps
    rows: Sequence[StepRow]
    axis: TimeAxis
    now: Micros
    name_cells: int
    times: StepTimes
    critical: frozenset[int]
    is_ascii: bool = False
    gaps: Sequence[Stretch] = ()


def layout_timeline(
    steps: RunSteps,
    rows: Sequence[StepRow],
    width: int,
    now: Micros,
    *,
    folds_idle: bool = True,
    window: Stretch | None = None,
    gaps: Sequence[Gap] = (),
    ascii_only: bool = False,
    facts: StepFacts | None = None,
    min_name_cells: int = MIN_NAME_CELLS,
) -> Timeline:
    """Return the timeline of `rows` on `width` cells; `window` is the part of the run that is shown.

    `gaps` are those within the run; `facts` those of `steps`, if they are known already. The names take at least
    `min_name_cells`, so that the axes of several runs can begin in the same column.
    """
    facts = facts_of(steps) if facts is None else facts
    width = max(width, MIN_WIDTH_CELLS)
    longest = max((cell_width(_name(row, ascii_only)) for row in _distinct_names(rows)), default=0)
    name_cells = min(max(longest, min_name_cells), MAX_NAME_CELLS, width // NAME_SHARE)
    bar_cells = width - name_cells - TOOK_CELLS - 2 * GAP_CELLS
    axis = build_axis(steps, bar_cells, now, folds_idle=folds_idle, window=window, times=facts.times)
    missing = [found for gap in gaps if (found := _stretch_of(gap, axis.whole)) is not None]
    return Timeline(steps, rows, axis, now, name_cells, facts.times, facts.critical, ascii_only, missing)


def _distinct_names(rows: Sequence[StepRow]) -> Iterable[StepRow]:
    """Return a row for each different name: a loop has many rows, and few names."""
    return {
        (row.kind, row.step.key, row.depth, row.is_folded, row.step.attempt, row.count, len(str(row.iteration))): row
        for row in rows
    }.values()


def _stretch_of(gap: Gap, whole: Stretch) -> Stretch | None:
    """Return the part of a run in which `gap` is; None if it is outside."""
    begin = whole.begin if gap.last_at is None else gap.last_at
    end = whole.end if gap.next_at is None else gap.next_at
    return Stretch(max(begin, whole.begin), min(end, whole.end)) if begin < whole.end and end > whole.begin else None


def axis_line(timeline: Timeline) -> list[Span]:
    """Return the heading, with the labels of the axis; where events may be missing, the sign of a gap is instead."""
    cells = [" "] * timeline.axis.width
    for tick in ticks(timeline.axis):
        label = f"~{tick.label}" if tick.is_fold else tick.label
        cells[tick.cell : tick.cell + len(label)] = label
    for first, last in _gap_cells(timeline):
        cells[first:last] = GAP_SIGN * (last - first)
    labels = "".join(cells)[: timeline.axis.width]
    gap = " " * GAP_CELLS
    return [(f"{pad('NODE', timeline.name_cells)}{gap}{labels}{gap}{'TOOK':>{TOOK_CELLS}}", "grey")]


def _gap_cells(timeline: Timeline) -> Iterator[tuple[int, int]]:
    """Yield the first cell of each gap in the window, and the cell after its last one."""
    axis = timeline.axis
    for missing in timeline.gaps:
        if missing.end > axis.window.begin and missing.begin < axis.window.end:
            first = axis.half_cell(missing.begin) // HALVES_PER_CELL
            yield first, max(first + 1, -(-axis.edge(missing.end) // HALVES_PER_CELL))


def row_lines(timeline: Timeline) -> Iterator[TimelineRow]:
    """Yield the line of each row."""
    for row in timeline.rows:
        yield TimelineRow(row, row_line(timeline, row))


def row_line(timeline: Timeline, row: StepRow) -> list[Span]:
    """Return the line of one row, as wide as the timeline."""
    took = "" if not row.step.is_reached else took_text(timeline, row)
    spans = [
        *name_spans(timeline, row),
        *bar_spans(timeline, row),
        (f"{' ' * GAP_CELLS}{took:>{TOOK_CELLS}}", "text"),
    ]
    return [(text.replace("…", "~"), colour) for text, colour in spans] if timeline.is_ascii else spans


def name_spans(timeline: Timeline, row: StepRow) -> list[Span]:
    """Return indent, sign and name of a row, and the space before its bar. The second span is the sign."""
    style = row_style(row)
    name = pad(_name(row, timeline.is_ascii), timeline.name_cells)
    head = min(_state_column(row), timeline.name_cells - 1)
    return [
        (name[:head], "text"),
        (style.ascii if timeline.is_ascii else style.glyph, style.colour),
        (name[head + 1 :], "text" if row.step.is_reached else "grey"),
        (" " * GAP_CELLS, "text"),
    ]


def minimap_line(timeline: Timeline) -> list[Span]:
    """Return where the window of a zoomed timeline is in the run; nothing if all of the run is shown."""
    axis = timeline.axis
    if not axis.is_zoomed:
        return []
    folds_idle, times = bool(axis.folds), timeline.times
    whole = build_axis(timeline.steps, axis.width, timeline.now, folds_idle=folds_idle, times=times)
    begin = whole.half_cell(axis.window.begin) // HALVES_PER_CELL
    end = max(begin + 1, -(-whole.edge(axis.window.end) // HALVES_PER_CELL))
    thin, thick = ("-", "=") if timeline.is_ascii else ("─", "━")
    line = thin * begin + thick * (end - begin) + thin * (axis.width - end)
    return [(" " * (timeline.name_cells + GAP_CELLS), "text"), (line, "grey")]


def note_lines(timeline: Timeline) -> Iterator[str]:
    """Yield what must be known to read the timeline: what is inferred, and what is wrong with times and visits."""
    yield from step_notes(timeline.steps)
    if timeline.gaps:
        yield f"{GAP_SIGN} events may be missing there"
    folded = sum(segment.is_folded for segment in timeline.axis.segments)
    if folded:
        yield f"idle time is folded in {folded} places" if folded > 1 else "idle time is folded in one place"


def step_notes(steps: RunSteps) -> Iterator[str]:
    """Yield what must be known to read steps in any form: what is inferred, and what is wrong with times and visits."""
    if any(PARENT in step.inferred for step in steps.steps):
        yield "indented by the order of the events: the API tells no containers, iterations and attempts (inferred)"
    if any(NOT_REACHED in step.inferred for step in steps.steps):
        yield "not reached: nodes that other runs of this Core visited (inferred)"
    if steps.has_whole_seconds:
        yield "times are whole seconds"
    if steps.reordered:
        yield f"clock: {steps.reordered} visits ended before they began"
    if steps.dropped:
        yield f"{steps.dropped:,} old visits are not kept"


def row_style(row: StepRow) -> StatusStyle:
    """Return the style of a row's state."""
    if row.state is None:
        return NOT_REACHED_STYLE
    if row.state is NodeState.ENTERED and row.step.waits_for_person:
        return REVIEW
    return NODE_STYLES[row.state]


def all_rows(steps: RunSteps) -> list[StepRow]:
    """Return the rows of a run with nothing folded."""
    return build_rows(steps, frozenset())


def _state_column(row: StepRow) -> int:
    return len(_INDENT) * row.depth


def _name(row: StepRow, ascii_only: bool) -> str:
    """Return indent, place of the glyph and name of a row."""
    indent = " " * _state_column(row) + "  "
    if row.kind is RowKind.ITERATION:
        return f"{indent}iteration {row.iteration}{_fold_sign(row, ascii_only)}"
    suffix = name_suffix(row, ascii_only=ascii_only) + _fold_sign(row, ascii_only)
    return f"{indent}{one_line(row.step.name, MAX_NAME_CELLS)}{suffix}"


def name_suffix(row: StepRow, *, ascii_only: bool = False) -> str:
    """Return what follows the name of a row, with a space before it: attempts, iterations, a parallel; or nothing."""
    if row.kind is RowKind.ATTEMPTS:
        return f" {row.count} attempts"
    if row.step.attempt is not None:
        return f" {row.step.attempt}" + (" retry" if row.step.attempt > 1 else "")
    if row.step.is_loop and row.count:
        return f" {'@' if ascii_only else '↻'}{row.count}"
    if row.step.block_kind == "parallel":
        return " =" if ascii_only else " ∥"
    return ""


def _fold_sign(row: StepRow, ascii_only: bool) -> str:
    if not row.is_folded:
        return ""
    return " +" if ascii_only else " ▸"


def took_text(timeline: Timeline, row: StepRow) -> str:
    """Return how long a row took; what is open says so far, with an ellipsis."""
    if row.kind is RowKind.STEP and not row.step.is_open:
        return format_duration(row.step.duration_ms)
    members = [timeline.steps.step(index) for index in row.members]
    begins = [step.entered_at for step in members if step.entered_at is not None]
    ends = [step.ended_at for step in members if step.ended_at is not None]
    if not begins:
        return ""
    is_open = any(step.is_open for step in members)
    last = timeline.axis.whole.end
    end = last if is_open else max(ends, default=begins[0])
    return format_duration(max(0, end - min(begins)) / 1000) + "…" * is_open


def bar_spans(timeline: Timeline, row: StepRow) -> list[Span]:
    """Return the bar of a row and, right of it, why it failed; as wide as the axis."""
    width = timeline.axis.width
    if not row.step.is_reached:
        return [(pad("not reached" if timeline.steps.is_over else "not yet", width), "grey")]
    inside = _dense_members(timeline, row)
    if inside:
        cells = density(timeline.axis, timeline.steps, inside, timeline.now)
        return [(density_text(cells, ascii_only=timeline.is_ascii), row_style(row).colour)]
    bar = row_bar(timeline, row)
    if bar is None:
        return [(" " * width, "text")]
    text = bar_text(bar, ascii_only=timeline.is_ascii)
    spans: list[Span] = [(text, row_style(row).colour)]
    left = width - cell_width(text)
    if (
        row.step.error
        and row.state is NodeState.FAILED
        and left > MIN_ERROR_CELLS
        and row.kind is not RowKind.ITERATION
    ):
        error = " " + truncate(one_line(row.step.error), left - 1)
        spans.append((error, "red"))
        left -= cell_width(error)
    return [*spans, (" " * left, "text")]


def _dense_members(timeline: Timeline, row: StepRow) -> Sequence[Step]:
    """Return the children of a folded row, if they are more than there are cells."""
    if row.kind is not RowKind.STEP or not row.is_folded:
        return ()
    children = timeline.steps.children_of(row.step.index)
    return children if len(children) > timeline.axis.width else ()


def row_bar(timeline: Timeline, row: StepRow) -> Bar | None:
    """Return the bar of a row: that of its step, or one from the first to the last of its members."""
    members = [timeline.steps.step(index) for index in row.members]
    found = [bar_of(timeline.axis, timeline.steps, step, timeline.now, timeline.critical) for step in members]
    bars = [bar for bar in found if bar is not None]
    if not bars:
        return None
    if row.state is NodeState.FAILED:
        kind = BarKind.FAILED
    else:
        kind = BarKind.WAITED if all(bar.kind is BarKind.WAITED for bar in bars) else BarKind.RAN
    return Bar(
        min(bar.begin for bar in bars),
        max(bar.end for bar in bars),
        kind,
        is_open=any(bar.is_open for bar in bars),
        is_critical=any(bar.is_critical for bar in bars),
        is_cut_left=any(bar.is_cut_left for bar in bars),
        is_cut_right=any(bar.is_cut_right for bar in bars),
    )


def bar_text(bar: Bar, *, ascii_only: bool = False) -> str:
    """Return a bar with the space before it; it ends with its last cell."""
    signs = ASCII_SIGNS if ascii_only else UNICODE_SIGNS
    chosen = signs.critical if bar.is_critical else signs.ran
    whole, left, right = tuple(signs.waited if bar.kind is BarKind.WAITED else chosen)
    first, last = bar.begin // HALVES_PER_CELL, (bar.end - 1) // HALVES_PER_CELL
    cells = [whole] * (last - first + 1)
    if bar.end % HALVES_PER_CELL:
        cells[-1] = left
    if bar.begin % HALVES_PER_CELL:
        cells[0] = right
    if bar.kind is BarKind.FAILED and not bar.is_cut_right:
        cells[-1] = signs.failed
    elif bar.is_open:
        cells[-1] = signs.is_open
    return " " * first + "".join(cells)


def density_text(cells: Sequence[DensityCell], *, ascii_only: bool = False) -> str:
    """Return one character for each cell."""
    signs = ASCII_SIGNS if ascii_only else UNICODE_SIGNS
    levels = " " + signs.density
    return "".join(signs.failed if cell.has_failed else levels[cell.eighths] for cell in cells)
