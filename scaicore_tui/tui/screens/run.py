"""A run's own view: everything known of it, to scroll through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult

from scaicore_tui.runs import Run
from scaicore_tui.session import Update
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.run_detail import MAX_EVENTS, run_detail
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.line_view import TextPager


class RunScreen(SessionScreen):
    """One run. Follows it while it moves."""

    DEFAULT_CSS = """
    RunScreen TextPager { padding: 1 1 0 1; height: 1fr; }
    """

    def __init__(self, desk: AppState, execution_id: str) -> None:
        super().__init__(desk)
        self._execution_id = execution_id
        self._heading = Heading()
        self._reading = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.DETAIL

    @property
    def active_list(self) -> TextPager:
        return self._reading

    @property
    def current_run(self) -> Run | None:
        return self.desk.session.index.runs.get(self._execution_id)

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._reading

    def on_mount(self) -> None:
        """The heading counts lines, which there are once the text has a width."""
        super().on_mount()
        self.call_after_refresh(self.refresh_chrome)

    def apply_update(self, update: Update) -> None:
        """Read again if the run moved, is found to be a replay or replayed, or may miss other events."""
        if self._execution_id in update.runs or update.submission is not None or update.gaps:
            self._reading.rebuild()
        super().apply_update(update)

    def refresh_chrome(self) -> None:
        """The frame, and the heading."""
        place = f"line {self._reading.top + 1:,} of {self._reading.line_count:,}"
        self._heading.show(self.heading_of_run, [(place, "grey")], active=True)
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, waiting: bool) -> None:
        """The run, told as it was."""
        self._reading.fade(faded=runs)

    def leave(self) -> None:
        self.dismiss()

    def action_next_error(self) -> None:
        self._to_error(range(self._reading.top + 1, self._reading.line_count), "further down")

    def action_previous_error(self) -> None:
        self._to_error(range(self._reading.top - 1, -1, -1), "further up")

    def _to_error(self, lines: Iterable[int], where: str) -> None:
        line = self._reading.find("red", lines)
        if line is None:
            self.show_message(f"no error {where}")
        else:
            self._reading.scroll_to_line(line)
            self.refresh_chrome()

    def _lines(self, width: int) -> Sequence[Line]:
        run = self.current_run
        if run is None:
            return []
        key, session = run.execution_id, self.desk.session
        events = session.newest_events(key, MAX_EVENTS)
        return run_detail(run, events, width, self.desk.replay_relations(key), self.desk.missing_events(key))
