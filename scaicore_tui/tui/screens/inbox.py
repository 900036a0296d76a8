"""The inbox: pending checkpoints of all Cores, most urgent first, or the resolved ones."""

from __future__ import annotations

from collections import Counter

from textual.app import ComposeResult

from scaicore_tui.analysis.query import CHECKPOINTS, CheckpointRow, Query, compile_query, parse_query
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, Run
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import (
    CheckpointOpened,
    FilterClosed,
    LoadResolved,
    QueryTyped,
    RememberQuery,
    ValuesNeeded,
)
from scaicore_tui.tui.query_history import History
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.screens.checkpoint_base import CheckpointListScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.checkpoint_list import InboxList
from scaicore_tui.tui.widgets.query_bar import QueryBar

NO_QUERY = parse_query("", CHECKPOINTS)


class InboxScreen(CheckpointListScreen):
    """All checkpoints, pending or resolved, with a filter."""

    DEFAULT_CSS = """
    InboxScreen InboxList { height: 1fr; }
    """

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._heading = Heading()
        self._list = InboxList()
        self._filter_bar = QueryBar("checkpoints", History())
        self._query = NO_QUERY

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
        yield self._filter_bar
        yield self._filter_bar.hint
        yield self._list

    def on_mount(self) -> None:
        """Show the checkpoints known so far."""
        super().on_mount()
        self._list.set_active(active=True)
        self.show_inbox()

    def apply_delta(self, delta: Delta) -> None:
        """Update the list and the bars."""
        self.show_inbox()

    def tick(self) -> None:
        """Update ages and deadlines."""
        self._list.tick(self.state.now)
        super().tick()

    def show_inbox(self) -> None:
        state, rows = self.state, self._matching()
        self._list.is_filtered = not self._query.is_empty
        if self._list.show(rows, state.progress(), state.marked, state.now):
            self.mark_selection_moved()
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the heading."""
        self._heading.show(self._title_spans(), self._info_spans(), active=True)
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim stale pending checkpoints. The heading shows the age of the resolved ones."""
        self._list.set_dimmed(dimmed=checkpoints and not self._list.shows_resolved)

    def on_checkpoint_opened(self, opened: CheckpointOpened) -> None:
        """Say why a resolved checkpoint can't be answered. Textual also calls the base handler, for pending ones."""
        if self._list.shows_resolved:
            self.action_answer()

    def on_query_typed(self, typed: QueryTyped) -> None:
        """Apply the query as it is typed."""
        self._set_query(typed.query)

    def on_values_needed(self, needed: ValuesNeeded) -> None:
        """Offer the values of a field that the checkpoints have."""
        needed.stop()
        context = self.state.session.query_context()
        rows = (CheckpointRow(row, context) for row in self._all_checkpoints)
        counted = Counter(value for row in rows for value in row.values(needed.field) if isinstance(value, str))
        self._filter_bar.show_values({needed.field: counted.most_common()})

    def on_remember_query(self, request: RememberQuery) -> None:
        """Keep the query only while the inbox is open: those of later sessions are about runs."""
        request.stop()

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Return the keys to the list."""
        self.set_focus(None)
        if not closed.kept:
            self._set_query(NO_QUERY)

    def action_inbox(self) -> None:
        self.show_message("i: this is the inbox; esc goes back")

    def action_open(self) -> None:
        self._list.open_row()

    def action_filter(self) -> None:
        self._filter_bar.open()

    def action_view(self) -> None:
        """Switch between pending and resolved checkpoints. The resolved ones are requested on each switch."""
        self._list.shows_resolved = not self._list.shows_resolved
        if self._list.shows_resolved:
            self.post_message(LoadResolved())
        self.show_inbox()

    def action_refresh_now(self) -> None:
        super().action_refresh_now()
        if self._list.shows_resolved:
            self.post_message(LoadResolved())

    def leave(self) -> None:
        """Clear the filter; without one, close the screen."""
        if not self._query.is_empty:
            self._filter_bar.action_close(kept=False)
        else:
            self.dismiss()

    @property
    def _all_checkpoints(self) -> tuple[Checkpoint, ...]:
        return self.state.resolved.checkpoints if self._list.shows_resolved else self.state.pending

    def _set_query(self, query: Query) -> None:
        self._query = query
        self.show_inbox()

    def _matching(self) -> tuple[Checkpoint, ...]:
        """Return the checkpoints that match the query."""
        if self._query.is_empty:
            return self._all_checkpoints
        context = self.state.session.query_context()
        matches = compile_query(self._query, CHECKPOINTS, context.now)
        return tuple(row for row in self._all_checkpoints if matches(CheckpointRow(row, context)))

    def _title_spans(self) -> list[Span]:
        shown, available = self._list.row_count, len(self._all_checkpoints)
        total = f"{available:,}" if self._list.shows_resolved or not available else self.state.pending_count()
        text = self._query.text.strip()
        count = f"{shown:,} of {total}" if text else total
        label = "Answered" if self._list.shows_resolved else "Waiting for you"
        colour = "text strong" if self._list.shows_resolved or not available else "amber strong"
        needle = f"  /{one_line(text, 20)}" if text else ""
        return [(f"{label} · {count}", colour), (needle, "accent strong"), *self._mark_spans()]

    def _mark_spans(self) -> list[Span]:
        """Return how many are marked, and how many of those the filter hides."""
        marked = self.state.marked
        hidden = 0 if self._list.shows_resolved else len(marked - self._list.ids)
        marks = f" · {len(marked):,} marked" if marked else ""
        return [(marks, "accent strong"), (f" · {hidden:,} of them hidden" if hidden else "", "amber strong")]

    def _info_spans(self) -> list[Span]:
        """Return the sort order of pending checkpoints, or the age of the resolved ones and why it is not newer."""
        answered = self.state.resolved
        if not self._list.shows_resolved:
            return [("most urgent first", "grey")]
        if answered.problem:
            return [(f"not read again: {one_line(answered.problem, self.size.width // 2)}", "amber")]
        if answered.read_at is None:
            return [("reading…", "grey")]
        return [(f"read {format_age(self.state.session.clock.monotonic() - answered.read_at)} ago · v waiting", "grey")]
