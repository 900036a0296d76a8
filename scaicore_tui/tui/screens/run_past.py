"""Base of the run screen: shows a run as it is now, or as of one of its events. In the past nothing is written."""

from __future__ import annotations

from abc import abstractmethod

from msgspec.structs import replace

from scaicore_tui.actions.gate import WriteContext
from scaicore_tui.runs import Run
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_duration, format_iso
from scaicore_tui.tui.messages import RunHistoryNeeded, RunHistoryRead
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.time_cursor import TimeCursor, TimeMove
from scaicore_tui.units import Micros

MAX_TYPE_CELLS = 40
# Keys that act while the events of the past are read.
LEAVING_KEYS = frozenset({"escape", "q", "question_mark"})


class PastScreen(SessionScreen):
    """A screen of one run with a time cursor, which is None while the run is shown as it is now."""

    def __init__(self, state: AppState, execution_id: str) -> None:
        super().__init__(state)
        self._execution_id = execution_id
        self._time_cursor: TimeCursor | None = None
        # The first move, while the events are being read.
        self._first_move: TimeMove | None = None

    @abstractmethod
    def show_moment(self) -> None:
        """Show the run as of another event, or as it is now."""

    @property
    def current_run(self) -> Run | None:
        return self.state.session.index.runs.get(self._execution_id)

    @property
    def shown_run(self) -> Run | None:
        """The run as of the event at the time cursor."""
        return self.current_run if self._time_cursor is None else self._time_cursor.run

    @property
    def shown_time(self) -> Micros:
        """The time at which open steps end: now, that of the newest stored event, or of the event at the cursor."""
        through = self.state.session.recorded_through
        now = int(self.state.now * MICROS_PER_SECOND) if through is None else through
        return now if self._time_cursor is None else self._time_cursor.at(now)

    @property
    def write_context(self) -> WriteContext:
        return replace(super().write_context, shows_past=self._time_cursor is not None)

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait for the events of the past, which are being read."""
        return (self._first_move is not None and key not in LEAVING_KEYS) or super().is_waiting_for(key)

    def show_history(self, read: RunHistoryRead) -> None:
        """Begin at the newest event with the move that was asked for."""
        move, self._first_move = self._first_move, None
        if move is None or read.execution_id != self._execution_id:
            return
        if not len(read.history):
            self.show_message(f"{move}: no event of this run is stored", "amber")
            return
        self._time_cursor = TimeCursor(read.history)
        self._time_cursor.move(move)
        self.show_moment()

    def return_to_now(self) -> bool:
        """Show the run as it is now; return False if it is shown so already."""
        is_past = self._time_cursor is not None
        self._time_cursor = self._first_move = None
        if is_past:
            self.show_moment()
        return is_past

    def moment_lines(self) -> list[Line]:
        """Return what the time cursor is on; nothing if the run is shown as it is now."""
        cursor = self._time_cursor
        if cursor is None:
            return []
        event, first = cursor.event, cursor.history.events[0].at
        passed = "" if event.at is None or first is None else f" +{format_duration(max(0, event.at - first) / 1000)}"
        name = one_line(event.type.removeprefix("scaicore.runtime."), MAX_TYPE_CELLS)
        clock = (format_iso(event.at) or "")[11:23].removesuffix("Z")
        text = f" as of event {cursor.number:,} of {len(cursor.history):,}  {clock}{passed}"
        keys = "  esc now  ← → event  { } change  0 $ ends"
        return [[(text, "amber strong"), (f"  {name}", "text"), (keys, "grey")]]

    def action_earlier(self) -> None:
        self._move_in_time(TimeMove.EARLIER)

    def action_later(self) -> None:
        self._move_in_time(TimeMove.LATER)

    def action_earlier_change(self) -> None:
        self._move_in_time(TimeMove.EARLIER_CHANGE)

    def action_later_change(self) -> None:
        self._move_in_time(TimeMove.LATER_CHANGE)

    def action_first_event(self) -> None:
        self._move_in_time(TimeMove.FIRST)

    def action_last_event(self) -> None:
        self._move_in_time(TimeMove.LAST)

    def _move_in_time(self, move: TimeMove) -> None:
        if self._time_cursor is None:
            if move in (TimeMove.LATER, TimeMove.LATER_CHANGE):
                self.show_message(f"{move}: this is now")
            elif self._first_move is None:
                self._first_move = move
                self.post_message(RunHistoryNeeded(self._execution_id))
        elif self._time_cursor.move(move):
            self.show_moment()
        else:
            end = "the first" if move in (TimeMove.EARLIER, TimeMove.EARLIER_CHANGE) else "the last"
            self.show_message(f"{move}: this is {end} event; esc returns to now")
