"""The lines of a timeline as of one of its events: what came later is drawn faintly. Pure.

Rows, columns and axis are those of the whole run, so that nothing moves while the time does.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from scaicore_tui.analysis.flow_rails import Span
from scaicore_tui.analysis.moment import Moment, Phase
from scaicore_tui.analysis.step_rows import StepRow
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL
from scaicore_tui.analysis.timeline_view import (
    ASCII_SIGNS,
    NOT_YET_STYLE,
    TOOK_CELLS,
    UNICODE_SIGNS,
    Timeline,
    axis_line,
    bar_spans,
    name_spans,
    row_line,
    row_style,
)
from scaicore_tui.runs.model import NodeState
from scaicore_tui.text import pad
from scaicore_tui.timefmt import format_duration

FAINT = "grey"
CURSOR, ASCII_CURSOR = "▼", "v"
NEW, ASCII_NEW = "▲", "^"
# Bars after the cursor are thin lines, so that they differ without colour too. The name of a row has four spans.
_THIN = str.maketrans(dict.fromkeys("█▌▐▄▖▗░▁▂▃▅▆▇", "─"))
_ASCII_THIN = str.maketrans(dict.fromkeys("#=.12345678", "-"))
_SIGN_SPAN, _BAR_SPAN = 1, 4


def past_axis_line(timeline: Timeline, moment: Moment, new_count: int) -> list[Span]:
    """Return the heading with the time cursor in it, and how many events arrived since the past is shown."""
    ((text, colour),) = axis_line(timeline)
    news = new_text(new_count, ascii_only=timeline.is_ascii)
    head = pad(f"NODE  {news}" if len(news) + 6 <= timeline.name_cells else news or "NODE", timeline.name_cells)
    rest = text[timeline.name_cells :]
    axis, window = timeline.axis, timeline.axis.window
    spans: list[Span] = [(head, "accent" if news else colour)]
    if not window.begin <= moment.at <= window.end:
        return [*spans, (rest, colour)]
    cell = len(rest) - TOOK_CELLS - 1 - axis.width + axis.half_cell(moment.at) // HALVES_PER_CELL
    cursor = ASCII_CURSOR if timeline.is_ascii else CURSOR
    return [*spans, (rest[:cell], colour), (cursor, "amber strong"), (rest[cell + 1 :], colour)]


def new_text(count: int, *, ascii_only: bool = False) -> str:
    """Return how many events arrived since the past is shown; empty if none did."""
    return f"{ASCII_NEW if ascii_only else NEW} {count:,} new" if count > 0 else ""


def past_row_line(timeline: Timeline, row: StepRow, moment: Moment) -> list[Span]:
    """Return the line of one row as of a moment."""
    members = [timeline.steps.step(index) for index in row.members]
    phase = moment.phase_of(members)
    if phase is Phase.ENDED:
        return row_line(timeline, row)
    if phase is Phase.LATER:
        return _later_line(timeline, row)
    shown = _open_row(timeline, row, members, moment)
    took = f"{format_duration(_passed_ms(members, moment))}…"
    spans = [*name_spans(timeline, shown), *_split(timeline, row, shown, moment), (f" {took:>{TOOK_CELLS}}", "text")]
    return [(text.replace("…", "~"), colour) for text, colour in spans] if timeline.is_ascii else spans


def _later_line(timeline: Timeline, row: StepRow) -> list[Span]:
    faint = [(text, FAINT) for text, _ in row_line(timeline, row)]
    if row.step.is_reached:
        faint[_SIGN_SPAN] = (NOT_YET_STYLE.ascii if timeline.is_ascii else NOT_YET_STYLE.glyph, FAINT)
        faint[_BAR_SPAN] = (_thin(timeline, faint[_BAR_SPAN][0]), FAINT)
    return faint


def _thin(timeline: Timeline, bar: str) -> str:
    return bar.translate(_ASCII_THIN if timeline.is_ascii else _THIN)


def _open_row(timeline: Timeline, row: StepRow, members: Sequence[Step], moment: Moment) -> StepRow:
    """Return a row that was active then, or between two of its members."""
    begun = [step for step in map(moment.step, members) if step.is_reached]
    is_open = any(step.is_open for step in begun)
    last = moment.step(row.step)
    count = row.count
    if row.step.is_loop and count:
        count = moment.iterations(row.step, timeline.steps)
    state = NodeState.ENTERED if is_open else begun[-1].state
    return replace(row, step=last if last.is_reached else begun[-1], state=state, count=count)


def _passed_ms(members: Sequence[Step], moment: Moment) -> float | None:
    begins = [step.entered_at for step in members if moment.phase(step) is not Phase.LATER and step.entered_at]
    return max(0, moment.at - min(begins)) / 1000 if begins else None


def _split(timeline: Timeline, row: StepRow, shown: StepRow, moment: Moment) -> list[Span]:
    """Return the bar of a row: as it was up to the moment, faint after it."""
    text = "".join(part for part, _ in bar_spans(timeline, replace(row, step=replace(row.step, error=None))))
    axis = timeline.axis
    if moment.at >= axis.window.end:
        return [(text, row_style(shown).colour)]
    cell = axis.half_cell(moment.at) // HALVES_PER_CELL if moment.at >= axis.window.begin else -1
    signs = ASCII_SIGNS if timeline.is_ascii else UNICODE_SIGNS
    # A cell of a bar says that the step is open; an empty one would say that it had begun there.
    mark = signs.is_open if cell >= 0 and text[cell] != " " else text[max(cell, 0) : cell + 1]
    return [(text[: max(cell, 0)] + mark, row_style(shown).colour), (_thin(timeline, text[cell + 1 :]), FAINT)]
