"""The list of runs. The cursor stays on its run when rows move; while following, it stays on the first row.

Gaps are lines between the rows. The cursor skips them, and they are not counted as rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import GapRow, Summary
from scaicore_tui.text import one_line
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import LoadHistory, RunListResized, RunOpened, RunSelected, RunsNeeded
from scaicore_tui.tui.render.line import CURSOR, MARKED, Line, Span
from scaicore_tui.tui.render.run_row import RowFacts, run_row
from scaicore_tui.tui.render.runs import gap_row
from scaicore_tui.tui.run_list_model import RunListModel, View
from scaicore_tui.tui.widgets.row_list import RowList
from scaicore_tui.units import Micros, Position


class RunList(RowList):
    """Runs in the order of the model.

    `unseen_count` counts the runs that changed since the first row was visible.
    """

    def __init__(self, model: RunListModel, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.following = True
        self.unseen_count = 0
        # The ids of the marked runs.
        self.marked: Collection[str] = ()
        self._model = model
        self._selected_id: str | None = None
        self._selected_position: Position | None = None
        self._seen_until: Micros = 0
        # The positions that were asked for last.
        self._requested: Sequence[Position] = ()
        self._facts = RowFacts(0.0)
        self._gaps: Sequence[GapRow] = ()

    @property
    def row_count(self) -> int:
        return len(self._model)

    @property
    def empty_text(self) -> str:
        if not self._model.total:
            return "no runs yet"
        is_all, needle = self._model.view is View.ALL, self._model.needle
        runs = "runs" if is_all else f"{self._model.view} runs"
        back = key_name("back", KeyContext.RUNS)
        if not needle:
            return f"No {runs}. {back} shows all runs."
        searched = self._model.searched
        if searched < 1:
            return f"No {runs} match “{one_line(needle, 20)}” so far: {searched:.0%} searched. {back} stops."
        return f"No {runs} match “{one_line(needle, 20)}”. {back} clears the filter."

    @property
    def selected(self) -> Summary | None:
        """The run under the cursor; None if there is none, or if it has to be loaded first."""
        return self._model[self.cursor] if self.cursor < self.row_count else None

    @property
    def is_loading(self) -> bool:
        """True if the run under the cursor has to be loaded first."""
        return self.cursor < self.row_count and self._model[self.cursor] is None

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
            return gap_row(gap, self.size.width, self._facts.now)
        return super().draw(line - self._gaps_above(line))

    def draw_row(self, row: int) -> Line:
        run = self._model[row]
        if run is None:
            return [("…", "grey")]
        return run_row(run, self.size.width - 2, self._facts)

    def cursor_mark(self, row: int) -> Span:
        run = self._model[row] if self.marked else None
        if run is None or run.execution_id not in self.marked:
            return super().cursor_mark(row)
        return f"{CURSOR if row == self.cursor else ' '}{MARKED}", "accent strong"

    def show(self, now: float) -> None:
        """Show the model as it is at `now`, in seconds since 1970."""
        self._facts = self._facts._replace(now=now)
        before, self._gaps = self.line_of(self.cursor), self._model.gap_rows
        row = 0 if self.following else self._row_of_selected()
        self._keep_position(row if row is not None else self.cursor, before)
        self._count_newer()
        for first, last in self._needed_rows:
            self._model.touch(first, last)
        self.repaint()
        self.request_rows()

    def request_rows(self) -> None:
        """Ask for the runs in and near the visible rows that are not in memory."""
        missing = [
            position for first, last in self._needed_rows for position in self._model.missing_positions(first, last)
        ]
        if missing and missing != self._requested:
            self.post_message(RunsNeeded(missing))
        self._requested = missing

    @property
    def _needed_rows(self) -> list[tuple[int, int]]:
        """The first and the last visible row, and the row of the cursor if that is not visible.

        After a jump the cursor is far from the visible rows until the list has scrolled. Rows are counted also where
        gaps take their place.
        """
        first = self.top - self._gaps_above(self.top)
        last = first + self.size.height
        is_visible = first <= self.cursor <= last
        return [(first, last)] if is_visible else [(first, last), (self.cursor, self.cursor)]

    @property
    def shows_ages(self) -> bool:
        """True if rows tell how long ago a run changed, instead of when."""
        return self._facts.shows_ages

    def show_ages(self, *, ages: bool) -> None:
        """Show how long ago the runs changed, or when."""
        self._facts = self._facts._replace(shows_ages=ages)
        self.repaint()

    def set_replay_marks(self, marks: Mapping[str, Span]) -> None:
        """Show the progress of replays, by the id of the replayed run."""
        self._facts = self._facts._replace(marks=marks)
        self.repaint()

    def set_slow(self, hints: Mapping[str, str]) -> None:
        """Show which runs take longer than usual, by their ids."""
        self._facts = self._facts._replace(slow=hints)
        self.repaint()

    def set_pending(self, pending: Iterable[Checkpoint]) -> None:
        """Show for whom runs wait."""
        asked = {row.execution_id: row for row in pending if row.execution_id is not None}
        self._facts = self._facts._replace(asked=asked)
        self.repaint()

    def tick(self, now: float) -> None:
        """Update the ages to `now`, in seconds since 1970."""
        self._facts = self._facts._replace(now=now)
        self.repaint()

    def set_following(self, following: bool) -> None:
        """Keep the cursor on the newest run, or on the selected one."""
        self.following = following
        if following:
            self.set_cursor(0, by_user=False)

    def keep_selection(self) -> None:
        """Stop following if a run is selected."""
        self.following = self.following and self.selected is None

    def select(self, execution_id: str) -> bool:
        """Move the cursor to the run; return False if it is not listed."""
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
        self.request_rows()

    def on_resize(self) -> None:
        super().on_resize()
        self.screen.post_message(RunListResized())

    def row_opened(self) -> None:
        if (run := self.selected) is not None:
            self.post_message(RunOpened(run.execution_id))

    def move(self, by: int) -> None:
        if by > 0 and self.cursor >= self.row_count - 1:
            self.post_message(LoadHistory())
        super().move(by)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Reset the count of unseen runs at the top; load the runs that became visible."""
        super().watch_scroll_y(old_value, new_value)
        self.request_rows()
        if self.top == 0:
            self.unseen_count = 0

    def _keep_position(self, row: int, before: int) -> None:
        """Move the cursor to `row` and scroll by as much as its line moved from `before`.

        The visible lines then stay where they are on the screen.
        """
        shift = self.line_of(row) - before
        self.cursor = max(0, min(row, self.row_count - 1))
        if self.following:
            self.scroll_to_line(0)
        elif shift:
            self.scroll_to_line(self.top + shift)
        self.scroll_to_cursor()
        self._post_selection()

    def _gaps_above(self, line: int) -> int:
        """Return the number of gaps above a line."""
        return bisect_left(range(len(self._gaps)), line, key=lambda number: self._gaps[number].row + number)

    def _gap_at(self, line: int) -> GapRow | None:
        """Return the gap on a line; None if there is none."""
        number = self._gaps_above(line)
        is_there = number < len(self._gaps) and self._gaps[number].row + number == line
        return self._gaps[number] if is_there else None

    def _row_of_selected(self) -> int | None:
        """Return the row of the selected run; None if it is not listed any more."""
        row = self._model.row_of(self._selected_id)
        return self._model.row_at(self._selected_position) if row is None else row

    def _count_newer(self) -> None:
        """Count the runs that changed since the top of the list was visible."""
        if self.top == 0 and self.row_count:
            self._seen_until = self._model.newest_change
        self.unseen_count = 0 if self.top == 0 else self._model.count_after(self._seen_until)

    def _post_selection(self) -> None:
        """Post the selected run, if it is another one; a run that has to be loaded is posted once it is there."""
        before, selected = self._selected_id, self.selected
        self._selected_id = None if selected is None else selected.execution_id
        self._selected_position = self._model.position(self.cursor) if self.cursor < self.row_count else None
        if self._selected_id != before and not self.is_loading:
            # Posted directly to the screen, so that cursor and nodes are painted in one frame, which costs fewer bytes.
            self.screen.post_message(RunSelected(self._selected_id))
