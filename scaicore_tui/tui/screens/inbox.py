"""The inbox: all that waits for a person, over all Cores, the most urgent first; and what was answered."""

from __future__ import annotations

from textual.app import ComposeResult

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run
from scaicore_tui.session import Update
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import CheckpointOpened, FilterClosed, FilterTyped, LoadResolved
from scaicore_tui.tui.render.inbox import filter_checkpoints
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.screens.checkpoint_base import CheckpointListScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.checkpoint_list import InboxList
from scaicore_tui.tui.widgets.inputs import FilterBar


class InboxScreen(CheckpointListScreen):
    """Checkpoints, on a screen of their own."""

    DEFAULT_CSS = """
    InboxScreen InboxList { height: 1fr; }
    """

    def __init__(self, desk: AppState) -> None:
        super().__init__(desk)
        self._heading = Heading()
        self._list = InboxList()
        self._filter = FilterBar()
        self._needle = ""

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.INBOX

    @property
    def inbox(self) -> InboxList:
        return self._list

    @property
    def active_list(self) -> InboxList:
        return self._list

    @property
    def current_run(self) -> Run | None:
        return self.run_of_checkpoint

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._filter
        yield self._list

    def on_mount(self) -> None:
        """Show what is known already."""
        super().on_mount()
        self._list.set_active(is_front=True)
        self.show_inbox()

    def apply_update(self, update: Update) -> None:
        """The session changed."""
        self.show_inbox()

    def tick(self) -> None:
        """Ages grow, deadlines come near."""
        self._list.tick(self.desk.now)
        super().tick()

    def show_inbox(self) -> None:
        desk, rows = self.desk, filter_checkpoints(self._all, self._needle)
        self._list.filtered = bool(self._needle)
        if self._list.show(rows, desk.progress(), desk.marked, desk.now):
            self.mark_selection_moved()
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """The frame, and the heading."""
        self._heading.show(self._title(), self._about(), active=True)
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, waiting: bool) -> None:
        """What waits; what was answered says itself how old it is."""
        self._list.fade(faded=waiting and not self._list.shows_resolved)

    def on_checkpoint_opened(self, opened: CheckpointOpened) -> None:
        """Of one that was answered, say that; Textual itself has the base answer the others, too."""
        if self._list.shows_resolved:
            self.action_answer()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Filter by what stands there so far."""
        self._narrow(typed.needle)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Back to the list."""
        self.set_focus(None)
        if not closed.kept:
            self._narrow("")

    def action_inbox(self) -> None:
        self.show_message("i: this is the inbox; esc goes back")

    def action_open(self) -> None:
        self._list.open_row()

    def action_filter(self) -> None:
        self._filter.open()

    def action_view(self) -> None:
        """What was answered is read when it is asked for, each time."""
        self._list.shows_resolved = not self._list.shows_resolved
        if self._list.shows_resolved:
            self.post_message(LoadResolved())
        self.show_inbox()

    def action_refresh_now(self) -> None:
        super().action_refresh_now()
        if self._list.shows_resolved:
            self.post_message(LoadResolved())

    def leave(self) -> None:
        """Give up the filter, or else go back."""
        if self._needle:
            self._filter.action_close(kept=False)
        else:
            self.dismiss()

    @property
    def _all(self) -> tuple[Checkpoint, ...]:
        return self.desk.resolved.checkpoints if self._list.shows_resolved else self.desk.pending

    def _narrow(self, needle: str) -> None:
        self._needle = needle
        self.show_inbox()

    def _title(self) -> list[Span]:
        shown, there = self._list.row_count, len(self._all)
        total = f"{there:,}" if self._list.shows_resolved or not there else self.desk.pending_count()
        count = f"{shown:,} of {total}" if self._needle else total
        words = "Answered" if self._list.shows_resolved else "Waiting for you"
        colour = "text strong" if self._list.shows_resolved or not there else "amber strong"
        needle = f"  /{one_line(self._needle, 20)}" if self._needle else ""
        return [(f"{words} · {count}", colour), (needle, "accent strong"), *self._marks()]

    def _marks(self) -> list[Span]:
        """How many are marked, and how many of those the filter hides."""
        marked = self.desk.marked
        hidden = 0 if self._list.shows_resolved else len(marked - self._list.ids)
        words = f" · {len(marked):,} marked" if marked else ""
        return [(words, "accent strong"), (f" · {hidden:,} of them hidden" if hidden else "", "amber strong")]

    def _about(self) -> list[Span]:
        """The order; of what was answered, how old it is and what keeps it from being newer."""
        answered = self.desk.resolved
        if not self._list.shows_resolved:
            return [("most urgent first", "grey")]
        if answered.problem:
            return [(f"not read again: {one_line(answered.problem, self.size.width // 2)}", "amber")]
        if answered.read_at is None:
            return [("reading…", "grey")]
        return [(f"read {format_age(self.desk.session.clock.monotonic() - answered.read_at)} ago · v waiting", "grey")]
