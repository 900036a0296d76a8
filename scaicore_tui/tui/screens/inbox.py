"""The inbox: all that waits for a person, over all Cores, the most urgent first; and what was answered."""

from __future__ import annotations

from textual.app import ComposeResult

from scaicore_tui.runs import Run
from scaicore_tui.runs.words import age
from scaicore_tui.session import Update
from scaicore_tui.text import one_line
from scaicore_tui.tui.actions import Place
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.inbox import kept
from scaicore_tui.tui.messages import CheckpointOpened, FilterClosed, FilterTyped, ReadAnswered
from scaicore_tui.tui.paint import Piece
from scaicore_tui.tui.screens.waiting import WaitingScreen
from scaicore_tui.tui.widgets.filter_bar import FilterBar
from scaicore_tui.tui.widgets.heading import Heading
from scaicore_tui.tui.widgets.inbox_list import InboxList
from scaicore_tui.wire import Checkpoint


class InboxScreen(WaitingScreen):
    """Checkpoints, on a screen of their own."""

    DEFAULT_CSS = """
    InboxScreen InboxList { height: 1fr; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._heading = Heading()
        self._list = InboxList()
        self._filter = FilterBar()
        self._needle = ""

    @property
    def place(self) -> Place:
        return Place.INBOX

    @property
    def inbox(self) -> InboxList:
        return self._list

    @property
    def front(self) -> InboxList:
        return self._list

    @property
    def run_at_hand(self) -> Run | None:
        return self.run_of_checkpoint

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._filter
        yield self._list

    def on_mount(self) -> None:
        """Show what is known already."""
        super().on_mount()
        self._list.come_to_front(is_front=True)
        self.show_inbox()

    def follow(self, update: Update) -> None:
        """The session changed."""
        self.show_inbox()

    def tick(self) -> None:
        """Ages grow, deadlines come near."""
        self._list.tick(self.desk.now)
        super().tick()

    def show_inbox(self) -> None:
        desk, rows = self.desk, kept(self._all, self._needle)
        self._list.filtered = bool(self._needle)
        if self._list.show(rows, desk.progress(), desk.marked, desk.now):
            self.unsettle()
        self.show_frame()

    def show_frame(self) -> None:
        """The frame, and the heading."""
        self._heading.show(self._title(), self._about(), active=True)
        super().show_frame()

    def fade(self, *, runs: bool, waiting: bool) -> None:
        """What waits; what was answered says itself how old it is."""
        self._list.fade(faded=waiting and not self._list.answered)

    def on_checkpoint_opened(self, opened: CheckpointOpened) -> None:
        """Of one that was answered, say that; Textual itself has the base answer the others, too."""
        if self._list.answered:
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
        self.say("i: this is the inbox; esc goes back")

    def action_open(self) -> None:
        self._list.open_row()

    def action_filter(self) -> None:
        self._filter.open()

    def action_view(self) -> None:
        """What was answered is read when it is asked for, each time."""
        self._list.answered = not self._list.answered
        if self._list.answered:
            self.post_message(ReadAnswered())
        self.show_inbox()

    def action_refresh_now(self) -> None:
        super().action_refresh_now()
        if self._list.answered:
            self.post_message(ReadAnswered())

    def leave(self) -> None:
        """Give up the filter, or else go back."""
        if self._needle:
            self._filter.action_close(kept=False)
        else:
            self.dismiss()

    @property
    def _all(self) -> tuple[Checkpoint, ...]:
        return self.desk.answered.checkpoints if self._list.answered else self.desk.pending

    def _narrow(self, needle: str) -> None:
        self._needle = needle
        self.show_inbox()

    def _title(self) -> list[Piece]:
        shown, there = self._list.row_count, len(self._all)
        total = f"{there:,}" if self._list.answered or not there else self.desk.pending_count()
        count = f"{shown:,} of {total}" if self._needle else total
        words = "Answered" if self._list.answered else "Waiting for you"
        colour = "text strong" if self._list.answered or not there else "amber strong"
        needle = f"  /{one_line(self._needle, 20)}" if self._needle else ""
        return [(f"{words} · {count}", colour), (needle, "accent strong"), *self._marks()]

    def _marks(self) -> list[Piece]:
        """How many are marked, and how many of those the filter hides."""
        marked = self.desk.marked
        hidden = 0 if self._list.answered else len(marked - self._list.ids)
        words = f" · {len(marked):,} marked" if marked else ""
        return [(words, "accent strong"), (f" · {hidden:,} of them hidden" if hidden else "", "amber strong")]

    def _about(self) -> list[Piece]:
        """The order; of what was answered, how old it is and what keeps it from being newer."""
        answered = self.desk.answered
        if not self._list.answered:
            return [("most urgent first", "grey")]
        if answered.trouble:
            return [(f"not read again: {one_line(answered.trouble, self.size.width // 2)}", "amber")]
        if answered.read_at is None:
            return [("reading…", "grey")]
        return [(f"read {age(self.desk.session.clock.monotonic() - answered.read_at)} ago · v waiting", "grey")]
