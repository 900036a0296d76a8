"""The dialogs that give several checkpoints the same answer: list them, confirm once, then show each result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from scaicore_tui.actions import Progress, gate, latest_by_target
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.runs import Delta
from scaicore_tui.text import display_name
from scaicore_tui.tui.dialogs.answer import AnswerDialogBase
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import bindings
from scaicore_tui.tui.messages import AnswerAll, OptionChosen
from scaicore_tui.tui.render.bulk_detail import (
    AnswerResult,
    answer_result,
    batch_lines,
    result_count_spans,
    result_lines,
)
from scaicore_tui.tui.render.inbox import Batch
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.state import AppState

STOP_ON_FAILURE_KEY = "s"


class BulkScreen(AnswerDialogBase):
    """Answers the checkpoints of `batch`, which stays the same while the dialog is open.

    `hidden` are the ids in it that a filter hides in the list; they are pointed out.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings({KeyContext.BULK, KeyContext.RESULTS}, exclude=("option_down", "option_up", "fields"))
    ]

    def __init__(
        self, state: AppState, batch: Batch, hidden: frozenset[str], options: Sequence[Option] | None = None
    ) -> None:
        offered = batch.checkpoints[0].answers
        super().__init__(
            state, offered if options is None else options, state.drafts.batch(batch.ids), reserved=STOP_ON_FAILURE_KEY
        )
        self._batch = batch
        self._hidden = hidden
        self._stop_on_failure = True
        self._sent_batch: Batch | None = None
        self._first_submission = 0

    @property
    def choice_context(self) -> KeyContext:
        return KeyContext.RESULTS if self._sent_batch is not None else KeyContext.BULK

    @property
    def fields(self) -> list[Widget | None]:
        return super().fields if self._sent_batch is None else []

    @property
    def listed_batch(self) -> Batch:
        """The checkpoints that are listed and would be answered."""
        return self._batch

    @property
    def answerable(self) -> tuple[Checkpoint, ...]:
        """The listed checkpoints that can be answered now."""
        context = self.state.session.write_context
        return tuple(row for row in self.listed_batch.checkpoints if gate.why_not_in_batch(context, row) is None)

    def title_spans(self) -> Iterator[Span]:
        if self._sent_batch is not None:
            results = self._results()
            confirmed = sum(result.word == Progress.CONFIRMED for result in results.values())
            yield "Results", "accent strong"
            yield f" · {confirmed} of {len(results)} confirmed", "text strong"
        else:
            yield "Give the same answer to ", "accent strong"
            yield _count_checkpoints(len(self.listed_batch.checkpoints)), "text strong"

    def lines(self, width: int) -> list[Line]:
        if self._sent_batch is not None:
            return result_lines(self._sent_batch, self._results(), width)
        why_not = partial(gate.why_not_in_batch, self.state.session.write_context)
        return batch_lines(self.listed_batch, self._hidden, why_not, width)

    def apply_delta(self, delta: Delta) -> None:
        """Update the list or the results."""
        self.pager.rebuild()
        super().apply_delta(delta)

    def update_hint(self) -> None:
        if self._sent_batch is not None:
            self.set_hint(*result_count_spans(self._results()), (self._progress_note(), "grey"))
        elif not self.answerable:
            self.set_hint(("can't send: none of these checkpoints can be answered now", "amber"))
        elif self.resolution is None:
            self.set_hint(("nothing is chosen yet", "grey"), *self._failure_mode_spans())
        else:
            self.set_hint(*self.confirmation_prompt(), *self._send_spans(), *self._failure_mode_spans())

    def action_send(self) -> None:
        resolution, answerable = self.resolution, self.answerable
        if self._sent_batch is not None or not self.try_confirm() or resolution is None or not answerable:
            self.refresh_chrome()
            return
        self._sent_batch = Batch(answerable)
        self._first_submission = len(self.state.session.submissions)
        self.state.begin_batch(self._sent_batch.ids)
        self.app.post_message(
            AnswerAll(self._sent_batch.ids, resolution, self.comment, self._stop_on_failure, self.confirm_field.value)
        )
        self._show_results()

    def action_toggle_stop_on_failure(self) -> None:
        """Switch between stopping on the first failure and continuing after failures."""
        self._stop_on_failure = not self._stop_on_failure
        self.refresh_chrome()

    def _show_results(self) -> None:
        self.set_focus(None)
        for widget in (self._picker or self._free_text, self._comment, self.confirm_field):
            widget.display = False
        self.pager.scroll_to_line(0)
        self.pager.rebuild()
        self.refresh_chrome()
        self.call_after_refresh(self.refresh_chrome)

    def _results(self) -> dict[str, AnswerResult]:
        """Return the result of each checkpoint sent from this dialog, in the order of sending."""
        sent = self._sent_batch or Batch()
        submissions = self.state.session.submissions[self._first_submission :]
        answers = latest_by_target(submission for submission in submissions if not submission.is_replay)
        stop_reason = self.state.finished_batches.get(sent.ids)
        return {key: answer_result(answers.get(key), stop_reason) for key in sent.ids}

    def _progress_note(self) -> str:
        is_finished = (self._sent_batch or Batch()).ids in self.state.finished_batches
        return "" if is_finished else " · sending one by one; continues if you close this dialog"

    def _send_spans(self) -> Iterator[Span]:
        yield from self.warnings()
        yield f"{self.confirm_key} sends ", "text"
        yield display_name(self.resolution or ""), "accent strong"
        yield f" to {_count_checkpoints(len(self.answerable))}", "text strong"
        yield from self.state.name_spans()

    def _failure_mode_spans(self) -> Iterator[Span]:
        mode = "stop on first failure" if self._stop_on_failure else "continue after failures"
        yield f" · {mode}", "text" if self._stop_on_failure else "amber"
        yield f" ({STOP_ON_FAILURE_KEY})", "grey"


class ContinueAllScreen(BulkScreen):
    """Continues all breakpoints of one of `scopes`, named batches from narrow to wide.

    A scope must be chosen; until then the widest one, the last, is listed.
    """

    def __init__(self, state: AppState, scopes: Mapping[str, Batch], hidden: frozenset[str]) -> None:
        super().__init__(state, list(scopes.values())[-1], hidden, [Option(id=scope) for scope in scopes])
        self._scopes = scopes

    @property
    def listed_batch(self) -> Batch:
        scope = self.chosen
        return self._batch if scope is None else self._scopes[scope]

    @property
    def resolution(self) -> str | None:
        return None if self.chosen is None else CONTINUE

    def title_spans(self) -> Iterator[Span]:
        if self._sent_batch is not None:
            yield from super().title_spans()
        else:
            yield "Continue all breakpoints", "accent strong"

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """List the breakpoints of the chosen scope."""
        self.pager.rebuild()
        super().on_option_chosen(chosen)


def _count_checkpoints(count: int) -> str:
    return f"{count:,} checkpoint{'s' * (count != 1)}"
