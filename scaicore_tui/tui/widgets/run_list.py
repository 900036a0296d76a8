"""The list of runs. Its cursor stays on a run, not on a row; following, it stays on the newest.

Gaps are lines between the rows. The cursor passes over them: all that a key or a number is about is a run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from scaicore_tui.runs import GapRow, Summary
from scaicore_tui.tui.messages import LoadHistory, RunOpened, RunSelected
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.runs import gap_row, run_row
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.widgets.row_list import RowList


class RunList(RowList):
    """Runs, newest first. `newer` counts those that came above what is shown."""

    def __init__(self, model: RunListModel, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.following = True
        self.unseen_count = 0
        self._model = model
        self._selected_id: str | None = None
        self._newest_id: str | None = None
        self._now = 0.0
        self._gaps: Sequence[GapRow] = ()
        self._marks: Mapping[str, Span] = {}

    @property
    def row_count(self) -> int:
        return len(self._model)

    @property
    def empty_text(self) -> str:
        if self._model.total:
            return "no run is kept by the view and the filter: v and esc change them"
        return "no runs yet"

    @property
    def selected(self) -> Summary | None:
        """The run under the cursor."""
        return self._model[self.cursor] if self.cursor < self.row_count else None

    @property
    def line_count(self) -> int:
        return super().line_count + len(self._gaps)

    def line_of(self, row: int) -> int:
        return row + bisect_right(self._gaps, row, key=lambda gap: gap.row)

    def row_at(self, line: int) -> int | None:
        return None if self._gap_at(line) is not None else super().row_at(line - self._gaps_above(line))

    def draw(self, line: int) -> Line:
        gap = self._gap_at(line)
        if gap is not None:
            return gap_row(gap, self.size.width, self._now)
        return super().draw(line - self._gaps_above(line))

    def draw_row(self, row: int) -> Line:
        run = self._model[row]
        return run_row(run, self.size.width - 2, self._now, self._marks.get(run.execution_id))

    def show(self, now: float) -> None:
        """The listing changed, or time passed; `now` in seconds since 1970."""
        self._now = now
        before, self._gaps = self.line_of(self.cursor), self._model.gap_rows
        row = 0 if self.following else self._model.row_of(self._selected_id)
        self._keep_position(row if row is not None else self.cursor, before)
        self._count_newer()
        self.repaint()

    def set_replay_marks(self, marks: Mapping[str, Span]) -> None:
        """Show what there is to say of the replays of runs, by the id of the run."""
        self._marks = marks
        self.repaint()

    def tick(self, now: float) -> None:
        """Only time passed."""
        self._now = now
        self.repaint()

    def set_following(self, following: bool) -> None:
        """Stay on the newest run, or on the selected one."""
        self.following = following
        if following:
            self.set_cursor(0, by_user=False)

    def keep_selection(self) -> None:
        """Stay on the selected run, if there is one."""
        self.following = self.following and self.selected is None

    def select(self, execution_id: str) -> bool:
        """Put the cursor on that run; False where it is not listed."""
        row = self._model.row_of(execution_id)
        if row is None:
            return False
        self.following = False
        self.set_cursor(row)
        return True

    def cursor_moved(self, *, by_user: bool) -> None:
        if by_user:
            self.following = False
        self._post_selection()

    def row_opened(self) -> None:
        if (run := self.selected) is not None:
            self.post_message(RunOpened(run.execution_id))

    def move(self, by: int) -> None:
        if by > 0 and self.cursor >= self.row_count - 1:
            self.post_message(LoadHistory())
        super().move(by)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """At the top, all that is new is in sight."""
        super().watch_scroll_y(old_value, new_value)
        if self.top == 0:
            self.unseen_count = 0

    def _keep_position(self, row: int, before: int) -> None:
        """The cursor was on the line `before`, and belongs on `row` now: the view moves with it, so that what is read
        stays where it is."""
        shift = self.line_of(row) - before
        self.cursor = max(0, min(row, self.row_count - 1))
        if self.following:
            self.scroll_to_line(0)
        elif shift:
            self.scroll_to_line(self.top + shift)
        self.scroll_to_cursor()
        self._post_selection()

    def _gaps_above(self, line: int) -> int:
        """How many gaps stand above a line."""
        return bisect_left(range(len(self._gaps)), line, key=lambda number: self._gaps[number].row + number)

    def _gap_at(self, line: int) -> GapRow | None:
        """The gap on a line; None where there is none."""
        number = self._gaps_above(line)
        is_there = number < len(self._gaps) and self._gaps[number].row + number == line
        return self._gaps[number] if is_there else None

    def _count_newer(self) -> None:
        """Count arrivals for as long as the top of the list is out of sight."""
        newest = self._model[0].execution_id if self.row_count else None
        arrived = self._model.row_of(self._newest_id) or 0
        self._newest_id = newest
        self.unseen_count = 0 if self.top == 0 else self.unseen_count + arrived

    def _post_selection(self) -> None:
        selected = self.selected.execution_id if self.selected is not None else None
        if selected != self._selected_id:
            self._selected_id = selected
            # Straight to the screen: what follows is in one picture with the cursor, which takes fewer bytes than two.
            self.screen.post_message(RunSelected(selected))
