"""Failures by their cause: how many, since when, where, and the error. Enter lists the runs of one cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from scaicore_tui.analysis.query.tree import quoted
from scaicore_tui.analysis.run_groups import ErrorGroup
from scaicore_tui.runs import Run
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.messages import FiguresRead
from scaicore_tui.tui.render.error_groups import error_group_head, error_group_row
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.period import MIN_WIDTH_CELLS, Period
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList


class CauseList(RowList):
    """The causes of failures, the most frequent first. The cursor stays on its cause."""

    def __init__(self, opened: Callable[[ErrorGroup], None]) -> None:
        super().__init__()
        self._opened = opened
        self._causes: Sequence[ErrorGroup] = ()
        self._now = 0.0
        self._period_name = ""

    @property
    def row_count(self) -> int:
        return len(self._causes)

    @property
    def empty_text(self) -> str:
        return f"No run failed in the last {self._period_name}. T tells of another period."

    @property
    def selected(self) -> ErrorGroup | None:
        """The cause under the cursor."""
        return self._causes[self.cursor] if self.cursor < self.row_count else None

    def draw_row(self, row: int) -> Line:
        return error_group_row(self._causes[row], self.size.width - CURSOR_CELLS, self._now)

    def show(self, causes: Sequence[ErrorGroup], now: float, period_name: str) -> None:
        """Show causes of a period at `now`, in seconds since 1970."""
        key = None if self.selected is None else self.selected.key
        self._causes, self._now, self._period_name = causes, now, period_name
        row = next((row for row, cause in enumerate(causes) if cause.key == key), self.cursor)
        self.set_cursor(row, by_user=False)
        self.leave_no_gap()
        self.repaint()

    def row_opened(self) -> None:
        if self.selected is not None:
            self._opened(self.selected)


class CausesScreen(SessionScreen):
    """The causes of failures in the period of the main screen. `chosen` gets the query for the runs of one cause."""

    DEFAULT_CSS = """
    CausesScreen CauseList { height: 1fr; }
    """

    def __init__(self, state: AppState, period: Period, chosen: Callable[[str], None]) -> None:
        super().__init__(state)
        self._period = period
        self._chosen = chosen
        self._heading, self._columns = Heading(), TextLines()
        self._list = CauseList(self._open)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.CAUSES

    @property
    def active_list(self) -> CauseList:
        return self._list

    @property
    def current_run(self) -> Run | None:
        """The newest run that failed from the selected cause, if it is in memory."""
        selected = self._list.selected
        return None if selected is None else self.state.session.index.runs.get(selected.example)

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._columns
        yield self._list

    def on_mount(self) -> None:
        """Show the causes that were read for the main screen."""
        super().on_mount()
        self._list.set_active(active=True)
        self._period.request(self.state.now, max(self.size.width, MIN_WIDTH_CELLS))
        self._show()

    def on_resize(self) -> None:
        """Fit the headings of the columns."""
        super().on_resize()
        self._show()

    def tick(self) -> None:
        """Ask for new figures if some run changed, which the main screen notes in the period."""
        self._period.request(self.state.now, max(self.size.width, MIN_WIDTH_CELLS))
        super().tick()

    def show_figures(self, read: FiguresRead) -> None:
        """Show the causes that were read."""
        self._period.take(read)
        self._show()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the heading."""
        count = sum(cause.count for cause in self._period.causes)
        left: list[Span] = [
            ("Failures by cause", "text strong"),
            (f"  {count:,} in {self._period.name}", "red" if count else "grey"),
        ]
        self._heading.show(left, [(f"{self.key_of('list_runs')} lists the runs", "grey")], active=True)
        super().refresh_chrome()

    def action_list_runs(self) -> None:
        self._list.open_row()

    def leave(self) -> None:
        self.dismiss()

    def action_period(self) -> None:
        """Tell of another period."""
        self._period.use_next()
        self._period.request(self.state.now, max(self.size.width, MIN_WIDTH_CELLS))
        self.refresh_chrome()

    def _show(self) -> None:
        self._list.show(self._period.causes, self.state.now, self._period.name)
        width = max(1, self.size.width - CURSOR_CELLS)
        self._columns.show([[(" " * CURSOR_CELLS, "text"), *error_group_head(width)]])
        self.refresh_chrome()

    def _open(self, cause: ErrorGroup) -> None:
        self._chosen(query_of(cause))
        self.dismiss()


def query_of(cause: ErrorGroup) -> str:
    """Return the query that finds the runs of a cause. A masked text is given up to its first mark."""
    tests = ["status:failed"]
    if cause.core_id is not None:
        tests.append(f"core={quoted(cause.core_id, is_word=False)}")
    if cause.node_id is not None:
        tests.append(f"failed={quoted(cause.node_id, is_word=False)}")
    error = cause.code or cause.text.partition("#")[0].partition("…")[0].rstrip("“/ ")
    if error:
        tests.append(f"error:{quoted(error, is_word=False)}")
    return " ".join(tests)
