"""The steps of the selected run on a time axis, beside the list of runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from scaicore_tui.runs import Run
from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.tui.messages import OverviewResized, RunOpened, StepSelected
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList

if TYPE_CHECKING:
    # Loaded after the first screen is shown, which appears sooner.
    from scaicore_tui.analysis.step_rows import StepRow
    from scaicore_tui.analysis.steps import Step
    from scaicore_tui.analysis.timeline_view import Timeline
    from scaicore_tui.tui.run_picture import RunPicture

# Bars grow when a run is longer by this share: its axis changes with them, which costs bytes.
MIN_GROWTH = 0.1
# The names are as wide as the longest one of so many recent runs: the axis rarely moves with the cursor, which costs
# fewer bytes.
SHARED_WIDTH_RUNS = 8


class RunOverview(RowList):
    """The steps of one run. Long loops are folded, as on the screen of the run."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._run: Run | None = None
        self._picture: RunPicture | None = None
        self._rows: Sequence[StepRow] = ()
        self._timeline: Timeline | None = None
        self._now = 0.0
        # The width of the names in the runs that were shown last.
        self._name_cells = deque([0], maxlen=SHARED_WIDTH_RUNS)
        # The cursor stays on the step that failed, waits or works until a person moves it.
        self._follows = True

    @property
    def run(self) -> Run | None:
        """The run whose steps these are."""
        return self._run

    @property
    def picture(self) -> RunPicture | None:
        """The steps of the run; None if it has none yet."""
        return self._picture

    @property
    def rows_below(self) -> int:
        """The number of rows below the visible ones."""
        return max(0, self.row_count - self.top - self.size.height)

    @property
    def selected_step(self) -> Step | None:
        """The step under the cursor."""
        return self._rows[self.cursor].step if self.cursor < len(self._rows) else None

    @property
    def axis(self) -> Line:
        """The heading of the steps, with the labels of the time axis."""
        from scaicore_tui.analysis.timeline_view import axis_line

        return () if self._timeline is None else axis_line(self._timeline)

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def empty_text(self) -> str:
        if self._run is not None and self._run.is_loading:
            return f"reading {self._run.event_count:,} events…"
        return "no run is selected" if self._run is None else "no node entered yet"

    def draw_row(self, row: int) -> Line:
        from scaicore_tui.analysis.timeline_view import row_line

        return () if self._timeline is None else row_line(self._timeline, self._rows[row])

    def show(self, run: Run | None, picture: RunPicture | None, now: float) -> None:
        """Show the steps of `run` at `now`, in seconds since 1970."""
        if run is None or self._run is None or run.execution_id != self._run.execution_id:
            self.cursor = 0
            self._follows = True
            self._name_cells.append(0)
            self.scroll_to_line(0)
        self._run, self._picture, self._now = run, picture, now
        self._rebuild_rows()
        if self._follows:
            self._go_to_first()

    def cursor_moved(self, *, by_user: bool) -> None:
        if by_user:
            self._follows = False
            self.screen.post_message(StepSelected())

    def tick(self, now: float) -> bool:
        """Let the bars of open steps grow until `now`, in seconds since 1970, once that can be seen.

        Returns True if the axis changed.
        """
        picture = self._picture
        if picture is None or picture.steps.is_over:
            return False
        began = picture.steps.began_at
        length = 0.0 if began is None else now - began / MICROS_PER_SECOND
        if now - self._now < length * MIN_GROWTH:
            return False
        self._now = now
        self._layout()
        return True

    def on_resize(self) -> None:
        self._layout()
        super().on_resize()
        self.screen.post_message(OverviewResized())

    def row_opened(self) -> None:
        """Open the run at the step under the cursor."""
        step = self.selected_step
        if self._run is not None:
            node = None if step is None else (step.node_id, step.block_kind)
            self.post_message(RunOpened(self._run.execution_id, node))

    def _rebuild_rows(self) -> None:
        if self._picture is None:
            self._rows = ()
        else:
            from scaicore_tui.analysis.step_rows import build_rows

            self._rows = build_rows(self._picture.steps, self._picture.folded)
        self.cursor = min(self.cursor, max(0, self.row_count - 1))
        self._layout()

    def _layout(self) -> None:
        picture, cells = self._picture, self.size.width - CURSOR_CELLS
        # A hidden list has no width. The lines of another run must not stay.
        self._timeline = None
        if picture is not None and cells > 0:
            from scaicore_tui.analysis.timeline_view import layout_timeline

            now, is_ascii = int(self._now * MICROS_PER_SECOND), self.app.has_class(ASCII_CLASS)
            layout = partial(layout_timeline, picture.steps, self._rows, cells, now)
            layout = partial(layout, ascii_only=is_ascii, facts=picture.facts)
            self._name_cells[-1] = layout().name_cells
            self._timeline = layout(min_name_cells=max(self._name_cells))
        self.repaint()

    def _go_to_first(self) -> None:
        """Select the step that failed, waits or works; a folded row stands for the steps in it."""
        first = None if self._picture is None else self._picture.first
        found = [row for row, shown in enumerate(self._rows) if first in (shown.step.index, *shown.members)]
        self.set_cursor(found[-1] if found else 0, by_user=False)
