"""The detail screen of a run: all its visits and events, scrollable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult

from scaicore_tui.protocol import Event
from scaicore_tui.runs import Delta, Run
from scaicore_tui.session import submission_of
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import EventsNeeded, EventsRead
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.run_detail import MAX_EVENTS, run_detail
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.line_view import TextPager


class RunScreen(SessionScreen):
    """One run in detail, updated while it runs."""

    DEFAULT_CSS = """
    RunScreen TextPager { padding: 1 1 0 1; height: 1fr; }
    """

    def __init__(self, state: AppState, execution_id: str) -> None:
        super().__init__(state)
        self._execution_id = execution_id
        self._events: Sequence[Event] = ()
        self._heading = Heading()
        self._pager = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.DETAIL

    @property
    def active_list(self) -> TextPager:
        return self._pager

    @property
    def current_run(self) -> Run | None:
        return self.state.session.index.runs.get(self._execution_id)

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._pager

    def on_mount(self) -> None:
        """Refresh again after the first layout: the heading shows a line count, which depends on the width."""
        super().on_mount()
        self._read_events()
        self.call_after_refresh(self.refresh_chrome)

    def apply_delta(self, delta: Delta) -> None:
        """Rebuild the text if the run, its replay relations or its gaps may have changed."""
        if delta.concerns(self._execution_id):
            self._read_events()
        elif submission_of(delta) is not None:
            self._pager.rebuild()
        super().apply_delta(delta)

    def show_events(self, read: EventsRead) -> None:
        """Show the events of this run that were read from the journal."""
        if read.execution_id == self._execution_id:
            self._events = read.events
            self._pager.rebuild()
            self.refresh_chrome()

    def _read_events(self) -> None:
        self.post_message(EventsNeeded(self._execution_id, MAX_EVENTS))

    def refresh_chrome(self) -> None:
        """Redraw the bars and the heading."""
        position = f"line {self._pager.top + 1:,} of {self._pager.line_count:,}"
        self._heading.show(self.run_heading_spans, [(position, "grey")], active=True)
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim a stale run."""
        self._pager.set_dimmed(dimmed=runs)

    def leave(self) -> None:
        self.dismiss()

    def action_next_error(self) -> None:
        self._go_to_error(range(self._pager.top + 1, self._pager.line_count), "further down")

    def action_previous_error(self) -> None:
        self._go_to_error(range(self._pager.top - 1, -1, -1), "further up")

    def _go_to_error(self, lines: Iterable[int], direction: str) -> None:
        line = self._pager.find("red", lines)
        if line is None:
            self.show_message(f"no error {direction}")
        else:
            self._pager.scroll_to_line(line)
            self.refresh_chrome()

    def _lines(self, width: int) -> Sequence[Line]:
        run = self.current_run
        if run is None:
            return []
        key = run.execution_id
        return run_detail(run, self._events, width, self.state.replay_relations(key), self.state.missing_events(key))
