"""Answers in the inbox, without a dialog: a digit chooses, Enter sends, once, and the cursor goes on.

What needs more protection opens its dialog: a protected profile, a breakpoint, an answer in free text, and several
checkpoints of which some cannot be answered or are hidden.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from scaicore_tui.actions import Progress, gate
from scaicore_tui.analysis.review_form import input_field_lines
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.runs import Summary
from scaicore_tui.tui.dialogs.base import MIN_SIZE, TOO_SMALL
from scaicore_tui.tui.key_contexts import KeyAction, KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import AnnounceAnswering, AnswerAll, AnswerCheckpoint, OptionChosen, SummaryNeeded
from scaicore_tui.tui.render.inbox import Batch, answerable_together
from scaicore_tui.tui.render.item_hint import Choice, choice_spans, named, state_spans
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.screens.checkpoint_base import SELECTION_SETTLE_S, CheckpointListScreen
from scaicore_tui.tui.state import AppState, Draft
from scaicore_tui.tui.widgets.item_form import ItemForm

# A key that is held repeats after at most this time. Enter without a choice does nothing sooner after another Enter.
KEY_REPEAT_S = 1.0
# Rows of answered checkpoints that stay, below those that wait.
MAX_ANSWERED_HERE = 20
BEING_SENT = "its answer is being sent"

# What the footer leaves out where nothing can be answered.
ANSWERING_ACTIONS = frozenset({"choose", "send", "next_field", "mark", "mark_alike", "answer", "continue", "mine"})


class InboxAnswerScreen(CheckpointListScreen):
    """Chooses and sends answers to the selected checkpoint, or to the marked ones."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._asked_runs: set[str] = set()
        self.form = ItemForm(self.form_lines)
        self._unsent_choice: Choice | None = None
        self._chosen_draft = Draft()
        self._enter_at = self._rearranged_at = float("-inf")
        self._last_marked: str | None = None
        self._sent_batches: set[tuple[str, ...]] = set()
        # The checkpoints that were answered on this screen, the latest last.
        self._answered_here: dict[str, Checkpoint] = {}

    @property
    def _choice(self) -> Choice | None:
        """The option that was chosen and is not sent yet."""
        return self._unsent_choice

    @_choice.setter
    def _choice(self, choice: Choice | None) -> None:
        before, self._unsent_choice = self._unsent_choice, choice
        # Others see what is about to be answered, as they do for a dialog.
        for one, is_open in ((before, False), (choice, True)):
            if one is not None:
                self.app.post_message(AnnounceAnswering(one.ids[0], is_open=is_open))

    @property
    def summary(self) -> Summary | None:
        """The summary of the run of the selected checkpoint, if it is in memory."""
        selected = self.inbox.selected
        return None if selected is None else self.state.session.index.get(selected.execution_id or "")

    def ask_for_run(self) -> None:
        """Ask once for the summary of a run that is not in memory."""
        selected = self.inbox.selected
        key = None if selected is None else selected.execution_id
        if key is not None and self.summary is None and key not in self._asked_runs:
            self._asked_runs.add(key)
            self.post_message(SummaryNeeded(key))

    @abstractmethod
    def form_lines(self, width: int) -> list[Sequence[Span]]:
        """Return the text of the form, wrapped to `width` cells."""

    @abstractmethod
    def show_form(self) -> None:
        """Update the form."""

    @property
    @abstractmethod
    def shows_resolved(self) -> bool:
        """True while answered checkpoints are listed."""

    @property
    def marked_batch(self) -> Batch:
        """The marked checkpoints that can be answered together; without marks, none."""
        marked = [row for row in self.state.pending if row.id in self.state.marked]
        return answerable_together(marked, self.inbox.selected, self._why_not_in_batch) if marked else Batch()

    @property
    def targets(self) -> tuple[Checkpoint, ...]:
        """The checkpoints that a digit chooses for: the marked ones, or else the selected one."""
        if self.shows_resolved:
            return ()
        if self.state.marked:
            return self.marked_batch.checkpoints
        return () if self.inbox.selected is None else (self.inbox.selected,)

    @property
    def footer_actions(self) -> list[KeyAction]:
        """The actions that the selected checkpoint allows, or the marked ones."""
        actions = super().footer_actions
        if self.shows_resolved or self.read_only or not self.targets:
            return [action for action in actions if action.id not in ANSWERING_ACTIONS]
        return actions

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that the digits choose."""
        targets = self.targets
        return targets[0].answers if targets else ()

    @property
    def draft(self) -> Draft:
        """The text and the choice for these checkpoints, entered here or in a dialog."""
        targets, drafts = self.targets, self.state.drafts
        if not targets:
            return Draft()
        return drafts.batch([row.id for row in targets]) if self.state.marked else drafts.answer(targets[0].id)

    def action_choose(self, key: str = "") -> None:
        """Choose the option with that digit."""
        number = int(key) if key.isdecimal() else 0
        options = self.options
        if reason := self._why_not_choose(number, len(options)):
            self.show_message(f"{key or '1–9'}: {reason}", "amber")
        elif not options:
            self._open_dialog()
        else:
            self._choose(options[number - 1])

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """Choose the option that was clicked."""
        option = next((option for option in self.options if option.id == chosen.option_id), None)
        if option is not None and self._why_not_choose(1, 1) is None:
            self._choose(option)

    def action_send(self) -> None:
        """Send what was chosen. Without a choice, try again what was not sent, or open the dialog that is needed."""
        now = self.state.session.clock.monotonic()
        is_repeated, self._enter_at = now - self._enter_at < KEY_REPEAT_S, now
        choice = self._choice
        if choice is not None and self.is_choice_elsewhere:
            self.drop_choice()
            choice = None
        if choice is not None:
            self._send(choice)
        elif self.shows_resolved:
            self.show_message(f"{self.key_of('send')}: {self._answered_reason}")
        elif is_repeated or self._has_just_moved:
            self.show_reason("send", "nothing is chosen yet")
        elif (retry := self._retry()) is not None:
            self._send(retry)
        elif self._needs_dialog(self.targets):
            self._open_dialog()
        else:
            last = min(9, len(self.options))
            self.show_reason("send", f"choose an answer first, {'1' if last == 1 else f'1–{last}'}")

    def action_answer(self) -> None:
        """Open the dialog; it starts with what was chosen here."""
        self._choice = None
        super().action_answer()
        self.show_form()

    def action_fields(self) -> None:
        """Insert the form's input fields into the comment: the API takes no fields, only a comment."""
        selected = self.inbox.selected
        text = self.form.comment_field.text
        fields = input_field_lines(selected) if selected is not None and not self.state.marked else []
        lines = [line for line in fields if line not in text.splitlines()]
        if lines:
            self.form.set_comment("\n".join(part for part in (text, *lines) if part))
        else:
            self.show_reason("fields", "no input fields left to copy into the comment")

    def action_mark(self) -> None:
        """Mark or unmark the selected checkpoint, and go to the next one."""
        selected = self.inbox.selected
        self.drop_choice()
        super().action_mark()
        if selected is not None and selected.id in self.state.marked:
            self._last_marked = selected.id

    def action_mark_alike(self) -> None:
        """Mark all listed checkpoints with the type and options of the selected one; if all are marked, unmark them."""
        selected = self.inbox.selected
        if selected is None or self.shows_resolved:
            self.show_reason("mark_alike", "only waiting checkpoints can be marked")
            return
        alike = set(answerable_together(self.inbox.rows, selected, self._why_not_in_batch).ids)
        self.drop_choice()
        if alike <= self.state.marked:
            self.state.marked -= alike
        else:
            self.state.marked |= alike
        self._show_marks("" if alike else f"{self.key_of('mark_alike')}: none of these can be answered now")

    def action_mark_range(self) -> None:
        """Mark all checkpoints from the one that was marked last to the selected one."""
        rows = [row.id for row in self.inbox.rows]
        selected = self.inbox.selected
        if self.shows_resolved or selected is None or self._last_marked not in rows:
            key, mark = self.key_of("mark_range"), self.key_of("mark")
            self.show_message(f"{key}: mark the first one with {mark}, move to the last one, then press {key}", "amber")
            return
        first, last = sorted((rows.index(self._last_marked), rows.index(selected.id)))
        self.drop_choice()
        self.state.marked |= set(rows[first : last + 1])
        self._show_marks()

    def answer_sent(self, checkpoint_id: str) -> None:
        """Remember what was answered in the dialog, and go to the next checkpoint."""
        checkpoint = self.state.session.checkpoint(checkpoint_id)
        if checkpoint is not None:
            self._remember((checkpoint,))
        super().answer_sent(checkpoint_id)

    @property
    def answered_here(self) -> list[Checkpoint]:
        """The checkpoints that were answered on this screen and do not wait any more, the latest first."""
        pending = {row.id for row in self.state.session.checkpoints}
        return [row for row in reversed(self._answered_here.values()) if row.id not in pending]

    def drop_choice(self) -> None:
        """Forget a choice that was not sent, and say so."""
        choice, self._choice = self._choice, None
        if choice is not None:
            self._chosen_draft.resolution = None
            self.show_message(f"not sent, choice dropped: {choice.words}", "amber")

    def note_batches(self) -> None:
        """Say how many answers of a batch were not sent, once it has ended."""
        finished = self.state.finished_batches
        for ids in [ids for ids in self._sent_batches if ids in finished]:
            self._sent_batches.discard(ids)
            answers = self.state.answers()
            left = [key for key in ids if key not in answers or answers[key].progress is Progress.NOT_SENT]
            if left:
                self.state.marked |= set(left)
                text = f"stopped after a failure: {len(left)} of {len(ids)} were not sent; they are marked again"
                self.state.add_notice(text, "amber", key="batch", sticky=True)

    def hint_spans(self, key: str) -> Iterator[Span]:
        """Yield what `key` would send now, or why nothing."""
        choice, targets = self._choice, self.targets
        context = self.state.session.write_context
        if self.read_only:
            yield "this session is read-only", "amber"
            return
        if choice is not None:
            if any(gate.is_outcome_unknown(context, row) for row in choice.checkpoints):
                yield "An earlier answer may have arrived. ", "amber"
            for row in choice.checkpoints:
                yield from self.state.others_spans(row.id)
            yield from choice_spans(choice, self.state.name_spans(), key)
            return
        if self.state.marked:
            yield from self._marked_spans(targets)
            return
        selected = targets[0] if targets else None
        if selected is not None and (answer := self.state.answers().get(selected.id)) is not None:
            yield from state_spans(answer)
        elif (reason := self._why_not_answer(selected)) is not None:
            yield f"can't be answered: {reason}", "amber"
        elif selected is not None:
            yield from self.state.others_spans(selected.id)
            yield _how_to_answer(selected, protected=self.state.protected), "grey"

    @property
    def chosen_id(self) -> str | None:
        """The id of the chosen option."""
        return None if self._choice is None else self._choice.option.id

    @property
    def is_choice_elsewhere(self) -> bool:
        """True if an option is chosen, but not for what is selected or marked now."""
        return self._choice is not None and self._choice.ids != tuple(row.id for row in self.targets)

    @property
    def _has_just_moved(self) -> bool:
        """True if the selection has just changed without a key press."""
        return self.state.session.clock.monotonic() - self._moved_at < SELECTION_SETTLE_S

    @property
    def _answered_reason(self) -> str:
        return f"this one is answered; {key_name('view', KeyContext.INBOX)} shows what waits"

    def _why_not_choose(self, number: int, count: int) -> str | None:
        if self.shows_resolved:
            return self._answered_reason
        if self.read_only:
            return "this session is read-only"
        if self.state.session.clock.monotonic() - self._rearranged_at < SELECTION_SETTLE_S:
            return "the selection just changed; check it, press again"
        if self.state.marked:
            reason = None if self.targets else "none of the marked checkpoints can be answered"
        else:
            reason = self._why_not_answer(self.inbox.selected)
        if reason is None and count and not 0 < number <= count:
            reason = "choose 1" if count == 1 else f"choose 1–{min(count, 9)}"
        return reason

    def _why_not_answer(self, checkpoint: Checkpoint | None) -> str | None:
        is_sending = checkpoint is not None and self.state.is_sending(checkpoint.id)
        return BEING_SENT if is_sending else gate.why_not_answer(self.state.session.write_context, checkpoint)

    def _why_not_in_batch(self, checkpoint: Checkpoint) -> str | None:
        if self.state.is_sending(checkpoint.id):
            return BEING_SENT
        return gate.why_not_in_batch(self.state.session.write_context, checkpoint)

    def _choose(self, option: Option) -> None:
        targets = self.targets
        self._chosen_draft = self.draft
        self._chosen_draft.resolution = option.id
        if self._needs_dialog(targets):
            self._open_dialog()
            return
        self._choice = Choice(targets, option)
        self.show_form()

    def _needs_dialog(self, targets: tuple[Checkpoint, ...]) -> bool:
        """Return whether an answer to these needs more protection, or more room, than the form has."""
        if not targets:
            return bool(self.state.marked)
        is_partial = bool(self.state.marked) and (
            bool(self.marked_batch.left_out) or bool(self._hidden_by_filter(self.marked_batch))
        )
        return self.state.protected or targets[0].is_breakpoint or not targets[0].answers or is_partial

    def _open_dialog(self) -> None:
        self._choice = None
        super().action_answer()

    def _retry(self) -> Choice | None:
        """Return the answer to the selected checkpoint that was not sent, to send it now; None if there is none."""
        selected = self.inbox.selected
        answer = None if selected is None else self.state.answers().get(selected.id)
        if selected is None or answer is None or self.state.marked or answer.progress is not Progress.NOT_SENT:
            return None
        option = selected.find_option(answer.resolution or "")
        return None if option is None or self._needs_dialog((selected,)) else Choice((selected,), option)

    def _send(self, choice: Choice) -> None:
        context = self.state.session.write_context
        reasons = (
            BEING_SENT if self.state.is_sending(row.id) else gate.why_not_answer(context, row, choice.option.id)
            for row in choice.checkpoints
        )
        reason = next((reason for reason in reasons if reason is not None), None)
        if self.app.size.width < MIN_SIZE.width or self.app.size.height < MIN_SIZE.height:
            reason = TOO_SMALL
        if reason is not None:
            self.show_message(f"not sent: {reason} · {named(choice.checkpoints)}", "amber")
            return
        comment = self.draft.comment.strip() or None
        self._remember(choice.checkpoints)
        self._choice = None
        self.set_focus(None)
        if len(choice.checkpoints) == 1:
            self._send_one(choice, comment)
        else:
            self._send_all(choice, comment)
        self.show_inbox()

    def _remember(self, checkpoints: tuple[Checkpoint, ...]) -> None:
        """Keep the rows of these, so that each shows the outcome of its answer."""
        for row in checkpoints:
            self._answered_here.pop(row.id, None)
            self._answered_here[row.id] = row
        for key in list(self._answered_here)[:-MAX_ANSWERED_HERE]:
            del self._answered_here[key]

    def _send_one(self, choice: Choice, comment: str | None) -> None:
        checkpoint_id = choice.checkpoints[0].id
        self.state.begin_answer(checkpoint_id)
        self.app.post_message(AnswerCheckpoint(checkpoint_id, choice.option.id, comment))
        self._select_next({checkpoint_id})

    def _send_all(self, choice: Choice, comment: str | None) -> None:
        self.state.begin_batch(choice.ids)
        self.state.marked -= set(choice.ids)
        self._sent_batches.add(choice.ids)
        self.app.post_message(AnswerAll(choice.ids, choice.option.id, comment))
        self._select_next(set(choice.ids))

    def _select_next(self, sent: set[str]) -> None:
        """Go to the next checkpoint that can be answered and is not being answered."""
        selected = self.inbox.selected
        found = next((row for row in self.inbox.others_in_order if self._why_not_answer(row) is None), None)
        if found is not None and selected is not None and selected.id in sent:
            self.inbox.select(found.id)
            self.mark_selection_moved()

    def _show_marks(self, problem: str = "") -> None:
        if problem:
            self.show_message(problem, "amber")
        self.show_inbox()

    def _marked_spans(self, targets: tuple[Checkpoint, ...]) -> Iterator[Span]:
        batch = self.marked_batch
        yield f"{len(targets):,} marked get the same answer", "text strong"
        if batch.left_out:
            yield f" · left out: {len(batch.left_out)} of the marked, see above", "amber"


def _how_to_answer(checkpoint: Checkpoint, *, protected: bool) -> str:
    if checkpoint.is_breakpoint:
        keys = (key_name(action, KeyContext.INBOX) for action in ("continue", "answer"))
        return "{} continues it · {}: with a comment".format(*keys)
    send = key_name("send", KeyContext.INBOX)
    if not checkpoint.answers:
        return f"any text is an answer: {send} opens the dialog"
    last = min(9, len(checkpoint.answers))
    digits = "1" if last == 1 else f"1–{last}"
    return f"{digits} opens the dialog: this profile is protected" if protected else f"{digits} chooses, {send} sends"
