"""The list of a run's steps, in any of its views. Lines are drawn when they are visible, once each."""

from __future__ import annotations

from scaicore_tui.analysis.steps import Step
from scaicore_tui.tui.messages import StepOpened, StepSelected
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.step_lists import StepLines
from scaicore_tui.tui.widgets.row_list import RowList


class StepList(RowList):
    """Rows of `StepLines` with a cursor."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._step_lines: StepLines | None = None
        self._drawn: dict[int, Line] = {}
        self._empty = ""

    @property
    def row_count(self) -> int:
        return 0 if self._step_lines is None else len(self._step_lines)

    @property
    def empty_text(self) -> str:
        return self._empty

    @property
    def selected(self) -> Step | None:
        """The step under the cursor."""
        lines = self._step_lines
        return lines.step(self.cursor) if lines is not None and self.cursor < len(lines) else None

    @property
    def selected_id(self) -> str | None:
        """The id of the row under the cursor."""
        lines = self._step_lines
        return lines.row_id(self.cursor) if lines is not None and self.cursor < len(lines) else None

    def draw_row(self, row: int) -> Line:
        if row not in self._drawn and self._step_lines is not None:
            self._drawn[row] = self._step_lines.line(row)
        return self._drawn[row]

    def show(self, step_lines: StepLines | None, empty: str = "") -> None:
        """Show rows, or, without any, the text `empty`. The cursor stays in its row."""
        self._step_lines, self._empty = step_lines, empty
        self._drawn.clear()
        self.cursor = min(self.cursor, max(0, self.row_count - 1))
        self.leave_no_gap()
        self.repaint()

    def cursor_moved(self, *, by_user: bool) -> None:
        if by_user:
            # Posted directly to the screen, so that the list and what follows it are painted in one frame.
            self.screen.post_message(StepSelected())

    def row_opened(self) -> None:
        self.screen.post_message(StepOpened())
