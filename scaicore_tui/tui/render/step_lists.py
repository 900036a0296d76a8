"""The lists of a run's steps: timeline, order, flow. Each returns the line of a row and the step in it. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from scaicore_tui.analysis.flow_view import FlowRow, FlowView, heading_spans
from scaicore_tui.analysis.moment import Moment, Phase
from scaicore_tui.analysis.step_rows import step_id
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.analysis.timeline_past import FAINT, past_axis_line, past_row_line
from scaicore_tui.analysis.timeline_view import NOT_YET_STYLE, Timeline, axis_line, minimap_line, row_line
from scaicore_tui.runs.status_style import NODE_STYLES
from scaicore_tui.text import json_inline, one_line, pad
from scaicore_tui.timefmt import format_duration
from scaicore_tui.tui.render.line import BAR, Line, Span, column, right_align
from scaicore_tui.tui.render.value_rows import TRUNCATED

MAX_ORDER_NAME_CELLS = 26
OFFSET_CELLS, TOOK_CELLS, REPEAT_CELLS = 9, 7, 6


class StepLines(ABC):
    """The rows of one view."""

    head: Sequence[Line] = ()

    @abstractmethod
    def __len__(self) -> int:
        """The number of rows."""

    @abstractmethod
    def row_id(self, row: int) -> str:
        """Return the id of a row, which stays the same while the run goes on."""

    @abstractmethod
    def step(self, row: int) -> Step | None:
        """Return the step that a row stands for."""

    @abstractmethod
    def line(self, row: int) -> Line:
        """Return the line of a row."""


class TimelineLines(StepLines):
    """Bars on the time axis, the minimap below it while zoomed. With a moment, what came later is faint.

    `new_count` events arrived since the past is shown.
    """

    def __init__(self, timeline: Timeline, moment: Moment | None = None, new_count: int = 0) -> None:
        self.timeline = timeline
        self._moment = moment
        minimap = minimap_line(timeline)
        axis = axis_line(timeline) if moment is None else past_axis_line(timeline, moment, new_count)
        self.head = [axis, *([minimap] if minimap else [])]

    def __len__(self) -> int:
        return len(self.timeline.rows)

    def row_id(self, row: int) -> str:
        return self.timeline.rows[row].id

    def step(self, row: int) -> Step | None:
        return self.timeline.rows[row].step

    def line(self, row: int) -> Line:
        shown = self.timeline.rows[row]
        return (
            row_line(self.timeline, shown)
            if self._moment is None
            else past_row_line(self.timeline, shown, self._moment)
        )


class OrderLines(StepLines):
    """All steps that the run entered, in the order of their first events, with results and errors.

    With a moment, those that came later are faint.
    """

    def __init__(self, steps: RunSteps, width: int, moment: Moment | None = None) -> None:
        self._steps = [step for step in steps.steps if step.is_reached]
        self._width = width
        self._moment = moment
        names = {step.name for step in self._steps}
        longest = max((len(one_line(name, MAX_ORDER_NAME_CELLS)) for name in names), default=0)
        self._name_cells = min(longest, max(8, width // 3))
        after, name, took = f"{'AFTER':>{OFFSET_CELLS}}", pad("NODE", self._name_cells), f"{'TOOK':>{TOOK_CELLS}}"
        self.head = [[(f"{after}    {name} {'TRY':<{REPEAT_CELLS}}{took}  RESULT", "grey")]]

    def __len__(self) -> int:
        return len(self._steps)

    def row_id(self, row: int) -> str:
        return step_id(self._steps[row])

    def step(self, row: int) -> Step | None:
        return self._steps[row]

    def line(self, row: int) -> Line:
        step, moment = self._steps[row], self._moment
        if moment is None:
            return self._line(step)
        if moment.phase(step) is not Phase.LATER:
            return self._line(moment.step(step))
        faint: list[Span] = [(text, FAINT) for text, _ in self._line(step)]
        faint[2] = (f"{NOT_YET_STYLE.glyph} ", FAINT)
        return faint

    def _line(self, step: Step) -> Line:
        style = NODE_STYLES[step.state] if step.state is not None else None
        offset = "" if step.offset_ms is None else f"+{format_duration(step.offset_ms)}"
        used = OFFSET_CELLS + 4 + self._name_cells + 1 + REPEAT_CELLS + TOOK_CELLS + 2
        return [
            right_align(offset, OFFSET_CELLS, "grey"),
            ("  ", "text"),
            ("? " if style is None else f"{style.glyph} ", "grey" if style is None else style.colour),
            column(one_line(step.name, MAX_ORDER_NAME_CELLS), self._name_cells),
            (f" {pad(repeat_text(step), REPEAT_CELLS)}", "grey"),
            right_align(format_duration(step.duration_ms) or ("…" if step.is_open else ""), TOOK_CELLS, "text"),
            ("  ", "text"),
            *result_spans(step, self._width - used),
        ]


class FlowLines(StepLines):
    """The nodes of the flow, with what the run did there. A row stands for the newest step of its node.

    With a moment, that is the newest one then.
    """

    def __init__(self, view: FlowView, rows: Sequence[FlowRow], steps: RunSteps, moment: Moment | None = None) -> None:
        self._rows = rows
        self._newest: dict[str | None, Step] = {}
        for step in steps.steps:
            if moment is None or step.node_id not in self._newest or moment.phase(step) is not Phase.LATER:
                self._newest[step.node_id] = step
        self.view = view
        self.head = [heading_spans(view)]

    def __len__(self) -> int:
        return len(self._rows)

    def node_id(self, row: int) -> str:
        return self._rows[row].node_id

    def row_id(self, row: int) -> str:
        return f"node {self._rows[row].node_id}"

    def step(self, row: int) -> Step | None:
        return self._newest.get(self._rows[row].node_id)

    def line(self, row: int) -> Line:
        return self._rows[row].line


def repeat_text(step: Step) -> str:
    """Return iteration and attempt as short as they can be: `4.3` is the third attempt in iteration 4."""
    if step.iteration is None:
        return "" if step.attempt is None else f"·{step.attempt}"
    return f"{step.iteration}" if step.attempt is None else f"{step.iteration}·{step.attempt}"


def result_spans(step: Step, width: int) -> list[Span]:
    """Return the error or the result of a step in `width` cells."""
    visit = step.visit
    if visit is None or width <= len(BAR[0]):
        return []
    left = width - len(BAR[0])
    if step.error is not None:
        return [BAR, (one_line(step.error, left), "red")]
    if visit.is_truncated:
        return [(one_line(TRUNCATED, width), "grey")]
    return [BAR, (json_inline(visit.result, left), "grey")] if visit.has_result else []
