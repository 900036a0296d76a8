"""The inbox: pending checkpoints of all Cores with the form of the selected one, or the answered ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from scaicore_tui.analysis.checkpoint_order import NEVER, is_mine, next_order_change
from scaicore_tui.analysis.query import CHECKPOINTS, CheckpointRow, Query, compile_query, parse_query
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, Run
from scaicore_tui.text import clipboard_text, display_name, editable_json
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.keymap import bindings
from scaicore_tui.tui.messages import (
    CheckpointOpened,
    CheckpointSelected,
    CopyText,
    FilterClosed,
    LoadResolved,
)
from scaicore_tui.tui.query_messages import QueriesNeeded, QueryTyped, ValuesNeeded
from scaicore_tui.tui.remembered import MineChanged
from scaicore_tui.tui.render.bulk_detail import batch_lines
from scaicore_tui.tui.render.checkpoints import inbox_head, resolved_head
from scaicore_tui.tui.render.inbox_heading import ORDER, InboxCounts, age_spans, title_spans
from scaicore_tui.tui.render.item_form import answered_lines, context_sections, form_lines, heading_spans
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.value_rows import NO_VALUE
from scaicore_tui.tui.screens.inbox_answer import InboxAnswerScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.tui.widgets.checkpoint_list import InboxList
from scaicore_tui.tui.widgets.item_form import comment_note
from scaicore_tui.tui.widgets.line_view import LineView
from scaicore_tui.tui.widgets.query_bar import QueryBar

NO_QUERY = parse_query("", CHECKPOINTS)
# The form follows the cursor once that has rested this long.
CURSOR_REST_S = 0.15
# The list takes at most this part of the screen, and while the form is read, so many rows.
LIST_SHARE, MIN_LIST_ROWS, ROWS_WHILE_READING = 0.36, 3, 3


class InboxScreen(InboxAnswerScreen):
    """All checkpoints, pending or answered, with a filter; below them the form of the selected one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings({KeyContext.COMMENT}, exclude=("back",)),
        Binding("1", "choose('1')", "choose", show=False),
        Binding("2", "choose('2')", "choose", show=False),
        Binding("3", "choose('3')", "choose", show=False),
        Binding("4", "choose('4')", "choose", show=False),
        Binding("5", "choose('5')", "choose", show=False),
        Binding("6", "choose('6')", "choose", show=False),
        Binding("7", "choose('7')", "choose", show=False),
        Binding("8", "choose('8')", "choose", show=False),
        Binding("9", "choose('9')", "choose", show=False),
    ]
    DEFAULT_CSS = """
    InboxScreen InboxList { height: 3; }
    """

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._heading = Heading()
        self._head = TextLines()
        self._list = InboxList()
        self._filter_bar = QueryBar("checkpoints", state.checkpoint_history)
        self._query = NO_QUERY
        # Whether the queries of other sessions were asked for.
        self._has_queries = False
        self._is_mine_only = bool(state.session.screen.choices.mine)
        self._shown_count = self._known_count = self._mine_count = 0
        self._resort_at = NEVER
        self._form_debouncer = Debouncer(self, self.show_form, CURSOR_REST_S)

    @property
    def key_context(self) -> KeyContext:
        if self.form.comment_field.has_focus:
            return KeyContext.COMMENT
        return KeyContext.FORM if self.form.is_reading else KeyContext.INBOX

    @property
    def inbox(self) -> InboxList:
        return self._list

    @property
    def active_list(self) -> LineView:
        return self.form.active_view if self.form.is_reading else self._list

    @property
    def _narrows_to_mine(self) -> bool:
        """True if only what is assigned to the reviewer is listed; the choice waits for a token that names one."""
        return self._is_mine_only and self.state.session.reviewer.is_known

    @property
    def shows_resolved(self) -> bool:
        return self._list.shows_resolved

    @property
    def current_run(self) -> Run | None:
        return self.run_of_checkpoint

    @property
    def current_checkpoint(self) -> Checkpoint | None:
        return self._list.selected

    @property
    def copy_id(self) -> tuple[str, str | None]:
        selected = self._list.selected
        return "checkpoint id", None if selected is None else selected.id

    @property
    def copy_json(self) -> tuple[str, Mapping[str, Any] | None]:
        selected = self._list.selected
        return "the checkpoint", None if selected is None else selected.raw

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._filter_bar
        yield self._filter_bar.hint
        yield self._head
        yield self._list
        yield self.form

    def on_mount(self) -> None:
        """Show the checkpoints known so far."""
        super().on_mount()
        self._list.set_active(active=True)
        self.show_inbox()
        self.call_after_refresh(self.show_form)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._arrange()
        super().on_resize()
        self.call_after_refresh(self.show_form)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter sends in the list, folds in the form, and opens the dialog to read it if the session is read-only."""
        if action == "fold":
            return self.form.is_reading
        if action == "open":
            return self.read_only and not self.form.is_reading
        if action == "send" and self.form.is_reading:
            return False
        return super().check_action(action, parameters)

    def apply_delta(self, delta: Delta) -> None:
        """Update the list and the bars."""
        self.note_batches()
        self.show_inbox()

    def tick(self) -> None:
        """Update ages and deadlines, and the order if it changed with the time."""
        if self.state.now >= self._resort_at:
            self.show_inbox()
        self._list.tick(self.state.now)
        super().tick()

    def show_inbox(self) -> None:
        state, known = self.state, self._all_checkpoints
        reviewer = state.session.reviewer
        is_narrowed = self._narrows_to_mine and not self.shows_resolved
        mine = tuple(row for row in known if is_mine(row, reviewer)) if is_narrowed else known
        rows = self._matching(mine)
        self._shown_count, self._known_count = len(rows), len(known)
        self._mine_count = sum(is_mine(row, reviewer) for row in known)
        rows += () if self.shows_resolved else tuple(self.answered_here)
        self._resort_at = next_order_change(known, state.now)
        self._list.is_filtered, self._list.is_mine_only = not self._query.is_empty, self._narrows_to_mine
        self._list.reviewer = reviewer
        before = self._list.selected
        if self._list.show(rows, state.progress(), state.marked, state.now):
            self._rearranged_at = state.session.clock.monotonic()
            self.mark_selection_moved()
            self.drop_choice()
        if before is not self._list.selected or self.is_mounted:
            self.show_form()
        self._arrange()
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the heading."""
        self._heading.show(title_spans(self._counts), self._info_spans(), active=not self.form.is_reading)
        super().refresh_chrome()

    def refresh_position(self) -> None:
        """Drop a choice for another checkpoint, and redraw the bars; the form follows after the paint."""
        if self.is_choice_elsewhere:
            self.drop_choice()
        self.refresh_chrome()

    def on_checkpoint_selected(self, selected: CheckpointSelected) -> None:
        """Drop a choice for another checkpoint; the form follows the cursor."""
        self.refresh_position()
        self._form_debouncer.request(self.state.session.clock.monotonic())

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

    def on_view_wanted(self) -> None:
        """Say that views are about runs."""
        self.show_message("ctrl+s: only queries for runs are saved as views; ↑ shows this one again", "amber")

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Return the keys to the list."""
        self.set_focus(None)
        if not closed.kept:
            self._set_query(NO_QUERY)

    def on_text_area_changed(self) -> None:
        """Keep the comment as a draft."""
        self.draft.comment = self.form.comment_field.text
        self.form.mark_typed()

    def on_descendant_focus(self) -> None:
        """Show the keys of the comment."""
        self.refresh_chrome()

    def on_descendant_blur(self) -> None:
        """Show the keys of the list."""
        self.call_after_refresh(self.refresh_chrome)

    def form_lines(self, width: int) -> list[Line]:
        state, selected = self.state, self._list.selected
        if state.marked and not self.shows_resolved:
            batch = self.marked_batch
            return batch_lines(batch, self._hidden_by_filter(batch), lambda row: None, width)
        if selected is None:
            return []
        if self.shows_resolved:
            return answered_lines(selected, width, state.now)
        return form_lines(selected, self.summary, width, state.now)

    def show_form(self) -> None:
        """Show the form of the selected checkpoint, or of the marked ones."""
        self.ask_for_run()
        selected, marked = self._list.selected, bool(self.state.marked) and not self.shows_resolved
        key: object = self.marked_batch.ids if marked else selected and (selected.id, self.shows_resolved)
        note = "" if self.form.is_reading else self.key_of("read_form")
        context = context_sections(selected, note) if selected is not None and not marked else []
        self.form.show_item(key, list(self._form_heading(selected, marked=marked)), context, self.draft.comment)
        self._show_hint()

    def action_choose(self, key: str = "") -> None:
        """Choose the option with that digit; Enter then sends it, also from the form."""
        if self.form.is_reading:
            self._read_form(reading=False)
        super().action_choose(key)

    def action_inbox(self) -> None:
        self.show_message(f"{self.key_of('inbox')}: this is the inbox; {self.key_of('back')} goes back")

    def action_open(self) -> None:
        self._list.open_row()

    def action_fold(self) -> None:
        self.form.context_list.open_row()

    def action_page_down(self) -> None:
        self._page(1)

    def action_page_up(self) -> None:
        self._page(-1)

    def action_next_field(self) -> None:
        """Go from the list to the comment, and back."""
        if self.form.comment_field.has_focus or self.form.is_reading:
            self._read_form(reading=False)
        elif self.read_only or not self.targets:
            form = self.key_of("read_form")
            self.show_reason("next_field", f"there is nothing to comment on here; {form} reads the form")
        else:
            self.form.focus_comment()

    def action_read_form(self) -> None:
        """Go from the list to the form, to scroll it and unfold its context, and back."""
        self._read_form(reading=not self.form.is_reading)

    def action_filter(self) -> None:
        if not self._has_queries:
            self._has_queries = True
            self.post_message(QueriesNeeded())
        self._filter_bar.open()

    def action_mine(self) -> None:
        """List only what is assigned to the reviewer, or all."""
        if not self.state.session.reviewer.is_known:
            self.show_reason("mine", "this token names neither a person nor groups, so nothing is known to be yours")
            return
        self._is_mine_only = not self._is_mine_only
        self.post_message(MineChanged(self._is_mine_only))
        self._show_others()

    def action_follow_link(self) -> None:
        """Open the run of the selected checkpoint."""
        selected = self._list.selected
        if selected is None or selected.execution_id is None:
            self.show_reason("follow_link", "this checkpoint names no run")
        elif self.summary is None:
            self.show_reason("follow_link", "the events of this run have not been read")
        else:
            from scaicore_tui.tui.screens.run import RunScreen

            self.app.push_screen(RunScreen(self.state, selected.execution_id))

    def action_copy(self) -> None:
        row = self.form.context_list.selected if self.form.is_reading else None
        if row is None or row.value is NO_VALUE:
            super().action_copy()
        else:
            text = clipboard_text(row.value) if isinstance(row.value, str) else editable_json(row.value)
            self.app.post_message(CopyText(f"the value of {display_name(row.label)}", text))

    def action_view(self) -> None:
        """Switch between pending and resolved checkpoints. The resolved ones are requested on each switch."""
        self.drop_choice()
        self._list.shows_resolved = not self._list.shows_resolved
        if self._list.shows_resolved:
            self.post_message(LoadResolved())
        self._show_others()

    def action_refresh_now(self) -> None:
        super().action_refresh_now()
        if self._list.shows_resolved:
            self.post_message(LoadResolved())

    def action_back(self) -> None:
        """Go from the comment or the form back to the list; there, dismiss the newest notice, or go back."""
        if self.form.comment_field.has_focus or self.form.is_reading:
            self._read_form(reading=False)
        else:
            super().action_back()

    def leave(self) -> None:
        """Drop the choice, then clear the filter, then close the screen."""
        if self.chosen_id is not None:
            self.drop_choice()
            self._show_hint()
        elif not self._query.is_empty:
            self._filter_bar.action_close(kept=False)
        else:
            self.dismiss()

    @property
    def _all_checkpoints(self) -> tuple[Checkpoint, ...]:
        return self.state.resolved.checkpoints if self._list.shows_resolved else self.state.pending

    def _page(self, by: int) -> None:
        if self.form.is_reading:
            self.form.paged_view.page(by)
            self.show_form()
        else:
            self._list.page(by)
            self.refresh_position()

    def _read_form(self, *, reading: bool) -> None:
        """Give the keys to the form, or to the list."""
        self.set_focus(None)
        self.form.set_reading(reading=reading)
        self._list.set_active(active=not reading)
        self.form.leave_comment()
        self._arrange()
        self.refresh_chrome()
        self.call_after_refresh(self.show_form)

    def _arrange(self) -> None:
        """Give the list as many rows as it needs, up to its share of the screen."""
        width, height = self.app.size
        share = ROWS_WHILE_READING if self.form.is_reading else max(MIN_LIST_ROWS, int(height * LIST_SHARE))
        self._list.styles.height = max(1, min(self._list.line_count, share))
        self._head.show([resolved_head(width - 2) if self.shows_resolved else inbox_head(width - 2)])

    def _form_heading(self, selected: Checkpoint | None, *, marked: bool) -> Iterator[Span]:
        if marked:
            yield "Marked: all get the same answer", "text strong"
        elif selected is not None:
            yield from heading_spans(selected)

    def _show_hint(self) -> None:
        key = self.key_of("send")
        hint: Sequence[Span] = [] if self.shows_resolved else list(self.hint_spans(key))
        note = "" if self.read_only else comment_note()
        self.form.show_answer(self.options, self.chosen_id, hint, note)

    def _show_others(self) -> None:
        """List other checkpoints, on demand: the selection may change, and a digit may follow at once."""
        self.show_inbox()
        self._rearranged_at = float("-inf")

    def _set_query(self, query: Query) -> None:
        self._query = query
        self._show_others()

    def _matching(self, rows: tuple[Checkpoint, ...]) -> tuple[Checkpoint, ...]:
        """Return those of the checkpoints that match the query."""
        if self._query.is_empty:
            return rows
        context = self.state.session.query_context()
        matches = compile_query(self._query, CHECKPOINTS, context.now)
        return tuple(row for row in rows if matches(CheckpointRow(row, context)))

    @property
    def _counts(self) -> InboxCounts:
        """The numbers in the heading."""
        state, is_resolved, marked = self.state, self.shows_resolved, self.state.marked
        is_counted = is_resolved or not self._known_count
        return InboxCounts(
            shown=self._shown_count,
            total=f"{self._known_count:,}" if is_counted else state.pending_count(),
            mine=self._mine_count if state.session.reviewer.is_known and not is_resolved else None,
            marked=len(marked),
            hidden=0 if is_resolved else len(marked - self._list.ids),
            needle=self._query.text.strip(),
            is_mine_only=self._narrows_to_mine and not is_resolved,
            is_resolved=is_resolved,
            is_empty=not self._known_count,
        )

    def _info_spans(self) -> list[Span]:
        """Return the order of pending checkpoints, or the age of the answered ones."""
        if not self.shows_resolved:
            return [(ORDER, "grey")]
        return age_spans(self.state.resolved, self.state.session.clock.monotonic(), self.size.width)
