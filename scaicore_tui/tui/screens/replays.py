"""The replays of marked runs with their verdicts, as they come. Enter opens the run that a replay started."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from scaicore_tui.runs import Delta, Run
from scaicore_tui.session.replay_batch import BatchItem, ReplayBatch
from scaicore_tui.tui.key_contexts import KeyAction, KeyContext
from scaicore_tui.tui.messages import SummaryNeeded
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.replay_rows import replay_head, replay_row, title_spans
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList


class ReplayList(RowList):
    """The replays of one batch, and the runs that were left out, in the order in which they were marked."""

    def __init__(self) -> None:
        super().__init__()
        self._items: Sequence[BatchItem] = ()

    @property
    def row_count(self) -> int:
        return len(self._items)

    @property
    def selected(self) -> BatchItem | None:
        """The replay under the cursor."""
        return self._items[self.cursor] if self.cursor < self.row_count else None

    def draw_row(self, row: int) -> Line:
        return replay_row(self._items[row], self.size.width - CURSOR_CELLS)

    def show(self, batch: ReplayBatch) -> None:
        """Show the replays as they are now."""
        self._items = [*batch.items, *batch.skipped]
        self.leave_no_gap()
        self.repaint()


class ReplaysScreen(SessionScreen):
    """The replays of `batch`. They go on when the screen is closed."""

    DEFAULT_CSS = """
    ReplaysScreen ReplayList { height: 1fr; }
    """

    def __init__(self, state: AppState, batch: ReplayBatch) -> None:
        super().__init__(state)
        self.replay_batch = batch
        self._heading, self._columns = Heading(), TextLines()
        self._list = ReplayList()

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.REPLAYS

    @property
    def active_list(self) -> ReplayList:
        return self._list

    @property
    def current_run(self) -> Run | None:
        """The run that the selected replay started; without one, the run that is replayed."""
        key = self._run_id
        index = self.state.session.index
        return index.runs.get(key) if key is not None and index.get(key) is not None else None

    @property
    def footer_actions(self) -> list[KeyAction]:
        """The keys that act now: what has ended cannot be stopped."""
        can_stop = not (self.replay_batch.is_finished or self.replay_batch.is_stopping)
        return [action for action in super().footer_actions if can_stop or action.id != "stop_replays"]

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._columns
        yield self._list

    def on_mount(self) -> None:
        """Show how far the replays are."""
        super().on_mount()
        self._list.set_active(active=True)
        self._show_list()

    def on_resize(self) -> None:
        """Fit the headings of the columns."""
        super().on_resize()
        self._show_list()

    def apply_delta(self, delta: Delta) -> None:
        """Show the verdicts that are known now."""
        self._show_list()

    def tick(self) -> None:
        """Show how far the replays are."""
        self._list.show(self.replay_batch)
        super().tick()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the heading."""
        self._heading.show(list(title_spans(self.replay_batch)), [self._progress_span()], active=True)
        super().refresh_chrome()

    def action_open_replay(self) -> None:
        """Open the run that the selected replay started; without one, the run that is replayed."""
        key = self._run_id
        if key is None:
            self.show_reason("open_replay", "nothing is selected")
        elif self.state.session.index.get(key) is None:
            self.post_message(SummaryNeeded(key))
            self.show_reason("open_replay", "this run is being loaded; try again in a moment")
        else:
            from scaicore_tui.tui.screens.run import RunScreen

            self.app.push_screen(RunScreen(self.state, key))

    def action_stop_replays(self) -> None:
        """Send no more replays."""
        if self.replay_batch.is_finished:
            self.show_reason("stop_replays", "all of them have ended")
        else:
            self.replay_batch.stop()
            self._show_list()

    def leave(self) -> None:
        if not self.replay_batch.is_finished:
            key = self.key_of("replays")
            self.state.add_notice(f"the replays go on: {key} in the list of runs shows them", key="replays")
        self.dismiss()

    @property
    def _run_id(self) -> str | None:
        selected = self._list.selected
        return None if selected is None else selected.replay_id or selected.execution_id

    def _progress_span(self) -> Span:
        if self.replay_batch.is_finished:
            return "", "text"
        if self.replay_batch.is_stopping:
            return "stopping: no more are sent", "amber"
        return f"sending one by one; {self.key_of('stop_replays')} stops", "grey"

    def _show_list(self) -> None:
        self._list.show(self.replay_batch)
        width = max(1, self.size.width - CURSOR_CELLS)
        self._columns.show([[(" " * CURSOR_CELLS, "text"), *replay_head(width)]])
        self.refresh_chrome()
