"""Base of the run screen: shows a run as it is now, or as of one of its events. In the past nothing is written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from msgspec.structs import replace

from scaicore_tui.actions.gate import WriteContext
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.timeline_past import new_text
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_duration, format_iso, to_seconds
from scaicore_tui.tui.messages import (
    AxisClicked,
    MomentTyped,
)
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.run_messages import RunHistoryNeeded, RunHistoryRead
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.time_cursor import TimeCursor, TimeMove
from scaicore_tui.tui.widgets.inputs import MomentBar
from scaicore_tui.units import Micros

MAX_TYPE_CELLS = 40
# Reading more events than this takes some seconds.
MANY_EVENTS = 50_000
# Keys that act while the events of the past are read.
# The actions that move in time, and a word for what they go to.
TIME_KEYS = (
    ("back", "now"),
    ("earlier", "later", "event"),
    ("earlier_change", "later_change", "change"),
    ("earlier_visit", "later_visit", "visit"),
    ("first_event", "last_event", "ends"),
    ("moment", "time"),
)
LEAVING_KEYS = frozenset({"escape", "q", "question_mark"})
# Moves a cursor; returns why it did not move, empty if it did.
Travel = Callable[[TimeCursor], str]


class PastScreen(SessionScreen):
    """A screen of one run with a time cursor, which is None while the run is shown as it is now."""

    def __init__(self, state: AppState, execution_id: str) -> None:
        super().__init__(state)
        self._execution_id = execution_id
        self._time_cursor: TimeCursor | None = None
        # The run as of the event at the cursor, once it is known.
        self._past_run: Run | None = None
        # Where to go first, while the events are being read.
        self._first_travel: Travel | None = None
        self._moment_bar = MomentBar()

    @abstractmethod
    def show_moment(self) -> None:
        """Show the run as of another event, or as it is now."""

    @property
    @abstractmethod
    def is_behind(self) -> bool:
        """True if another moment than that of the cursor is still shown."""

    @abstractmethod
    def visits_of_selected(self) -> tuple[Step | None, list[int]]:
        """Return the selected step, and the numbers of the events that began a visit of its node, in order."""

    @abstractmethod
    def time_at(self, cell: int) -> Micros | None:
        """Return the time in a cell of the time axis; None if there is none."""

    @property
    def current_run(self) -> Run | None:
        return self.state.session.index.runs.get(self._execution_id)

    @property
    def shown_run(self) -> Run | None:
        """The run as of the event at the time cursor."""
        return self.current_run if self._time_cursor is None or self._past_run is None else self._past_run

    @property
    def shown_time(self) -> Micros:
        """The time at which open steps end, and the time axis: now, or that of the newest stored event.

        In the past it stands still, so that the axis does.
        """
        if self._time_cursor is not None:
            return self._time_cursor.now
        through = self.state.session.recorded_through
        return int(self.state.now * MICROS_PER_SECOND) if through is None else through

    @property
    def moment(self) -> Micros:
        """The time that the run is shown as of: now, or that of the event at the time cursor."""
        return self.shown_time if self._time_cursor is None else self._time_cursor.at(self.shown_time)

    @property
    def moment_s(self) -> float:
        """The time from which ages are counted, in seconds since 1970: those of the past are those of that time."""
        return self.state.now if self._time_cursor is None else to_seconds(self.moment)

    @property
    def new_count(self) -> int:
        """The number of events that arrived since the past is shown."""
        cursor, run = self._time_cursor, self.current_run
        return 0 if cursor is None or run is None else max(0, run.event_count - len(cursor.history))

    @property
    def write_context(self) -> WriteContext:
        return replace(super().write_context, shows_past=self._time_cursor is not None)

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait for the events of the past, which are being read."""
        return (self._first_travel is not None and key not in LEAVING_KEYS) or super().is_waiting_for(key)

    def show_history(self, read: RunHistoryRead) -> None:
        """Begin at the newest event, and go where a person wanted to go."""
        travel, self._first_travel = self._first_travel, None
        if travel is None or read.execution_id != self._execution_id:
            return
        if not len(read.history):
            self.show_message("no event of this run is stored", "amber")
            return
        self._time_cursor = TimeCursor(read.history, self.shown_time)
        if not self._go(travel):
            self._time_cursor = None

    def return_to_now(self) -> bool:
        """Show the run as it is now; return False if it is shown so already."""
        is_past = self._time_cursor is not None
        self._time_cursor = self._past_run = self._first_travel = None
        if is_past:
            self.show_moment()
        return is_past

    def moment_lines(self) -> list[Line]:
        """Return what the time cursor is on; nothing if the run is shown as it is now."""
        cursor = self._time_cursor
        if cursor is None:
            return []
        event, first = cursor.event, cursor.history.began_at
        passed = "" if event.at is None or first is None else f" +{format_duration(max(0, event.at - first) / 1000)}"
        name = one_line(event.type.removeprefix("scaicore.runtime."), MAX_TYPE_CELLS)
        clock = (format_iso(event.at) or "")[11:23].removesuffix("Z")
        verb = "going to" if self.is_behind else "as of"
        text = f" {verb} event {cursor.number:,} of {len(cursor.history):,}  {clock}{passed}"
        news = new_text(self.new_count)
        keys = "".join(f"  {' '.join(map(self.key_of, actions))} {words}" for *actions, words in TIME_KEYS)
        return [
            [(text, "amber strong"), (f"  {news}" if news else "", "accent"), (f"  {name}", "text"), (keys, "grey")]
        ]

    def action_earlier(self) -> None:
        self._move_in_time(TimeMove.EARLIER)

    def action_later(self) -> None:
        self._move_in_time(TimeMove.LATER)

    def action_earlier_change(self) -> None:
        self._move_in_time(TimeMove.EARLIER_CHANGE)

    def action_later_change(self) -> None:
        self._move_in_time(TimeMove.LATER_CHANGE)

    def action_earlier_visit(self) -> None:
        self._move_by_visit(TimeMove.EARLIER_VISIT)

    def action_later_visit(self) -> None:
        self._move_by_visit(TimeMove.LATER_VISIT)

    def action_first_event(self) -> None:
        self._move_in_time(TimeMove.FIRST)

    def action_last_event(self) -> None:
        self._move_in_time(TimeMove.LAST)

    def action_moment(self) -> None:
        """Ask for an event or a time to go to."""
        self._moment_bar.open()

    def go_to_event(self, number: int) -> None:
        """Show the run as of one of its events, once they are read."""
        self._travel(lambda cursor: cursor.jump(str(number)))

    def on_moment_typed(self, typed: MomentTyped) -> None:
        """Go to what was typed; empty if it was dropped."""
        self.set_focus(None)
        if typed.text.strip():
            self._travel(lambda cursor: cursor.jump(typed.text))
        self.refresh_chrome()

    def on_axis_clicked(self, click: AxisClicked) -> None:
        """Go to the time in the cell that was clicked."""
        at = self.time_at(click.cell)
        if at is not None:
            self._travel(lambda cursor: cursor.jump_to_time(at))

    def _move_in_time(self, move: TimeMove) -> None:
        if self._is_now(move):
            return
        self._travel(lambda cursor: cursor.move(move))

    def _move_by_visit(self, move: TimeMove) -> None:
        step, visits = self.visits_of_selected()
        if step is None:
            self.show_message(f"{self.key_of(move)}: no step is selected")
        elif not self._is_now(move):
            name = display_name(step.name)
            self._travel(lambda cursor: cursor.move_by_visit(move, visits, name))

    def _is_now(self, move: TimeMove) -> bool:
        """Say so if there is nothing later."""
        is_now = self._time_cursor is None and self._first_travel is None and move.is_later
        if is_now:
            self.show_message(f"{self.key_of(move)}: this is now")
        return is_now

    def _travel(self, travel: Travel) -> None:
        """Move in time; read the events first if that has not been done."""
        if self._time_cursor is not None:
            self._go(travel)
        elif self._first_travel is None:
            self._first_travel = travel
            self.post_message(RunHistoryNeeded(self._execution_id))
            run = self.current_run
            if run is not None and run.event_count > MANY_EVENTS:
                self.show_message(
                    f"reading {run.event_count:,} events to show the past; {self.key_of('back')} drops it"
                )

    def _go(self, travel: Travel) -> bool:
        reason = "" if self._time_cursor is None else travel(self._time_cursor)
        if reason:
            self.show_message(reason)
        else:
            self.show_moment()
        return not reason
