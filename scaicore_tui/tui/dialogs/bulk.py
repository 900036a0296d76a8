"""The dialog that answers several checkpoints alike: it lists every one, asks once, then tells what came of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from scaicore_tui.actions import latest_by_target
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.session import Update
from scaicore_tui.text import display_name
from scaicore_tui.tui.dialogs.answer import AnswerDialogBase
from scaicore_tui.tui.keymap import KeyContext, bindings
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

CAUTIOUS_KEY = "s"


class BulkScreen(AnswerDialogBase):
    """Answers those of `batch`, which never changes while it is open. `hidden` are ids that a filter hides."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings({KeyContext.BULK, KeyContext.RESULTS}, exclude=("option_down", "option_up", "fields"))
    ]

    def __init__(
        self, desk: AppState, batch: Batch, hidden: frozenset[str], options: Sequence[Option] | None = None
    ) -> None:
        offered = batch.checkpoints[0].answers
        super().__init__(
            desk, offered if options is None else options, desk.drafts.batch(batch.ids), reserved=CAUTIOUS_KEY
        )
        self._batch = batch
        self._hidden = hidden
        self._stop_on_failure = True
        self._sent: Batch | None = None
        self._sent_before = 0

    @property
    def choosing(self) -> KeyContext:
        return KeyContext.RESULTS if self._sent is not None else KeyContext.BULK

    @property
    def fields(self) -> list[Widget | None]:
        return super().fields if self._sent is None else []

    @property
    def listed(self) -> Batch:
        """What would be answered."""
        return self._batch

    @property
    def ready(self) -> tuple[Checkpoint, ...]:
        """Those of it that can be answered now."""
        return tuple(row for row in self.listed.checkpoints if self._why_not(row) is None)

    def title_spans(self) -> Iterator[Span]:
        count = len(self._sent.checkpoints if self._sent is not None else self.listed.checkpoints)
        yield "What came of each  " if self._sent is not None else "Answer several alike  ", "accent strong"
        yield f"{count}", "text strong"

    def lines(self, width: int) -> list[Line]:
        if self._sent is not None:
            return result_lines(self._sent, self._outcomes(), width)
        return batch_lines(self.listed, self._hidden, self._why_not, width)

    def apply_update(self, update: Update) -> None:
        """Some were answered, here or elsewhere."""
        self.reading.rebuild()
        super().apply_update(update)

    def update_hint(self) -> None:
        if self._sent is not None:
            self.set_hint(*result_count_spans(self._outcomes()), (self._ending(), "grey"))
        elif not self.ready:
            self.set_hint(("can't be sent: none of them can be answered now", "amber"))
        elif self.resolution is None:
            self.set_hint(("nothing is chosen yet", "grey"), *self._caution())
        else:
            self.set_hint(*self.confirmation_prompt(), *self._confirmed(), *self._caution())

    def action_send(self) -> None:
        resolution, ready = self.resolution, self.ready
        if self._sent is not None or not self.confirms() or resolution is None or not ready:
            self.refresh_chrome()
            return
        self._sent = Batch(ready)
        self._sent_before = len(self.desk.session.submissions)
        self.desk.begin_batch(self._sent.ids)
        self.app.post_message(
            AnswerAll(self._sent.ids, resolution, self.comment, self._stop_on_failure, self.type_out.value)
        )
        self._show_results()

    def action_toggle_stop_on_failure(self) -> None:
        """Stop at the first that does not go well, or go on."""
        self._stop_on_failure = not self._stop_on_failure
        self.refresh_chrome()

    def _show_results(self) -> None:
        self.set_focus(None)
        for widget in (self._choices or self._free, self._comment, self.type_out):
            widget.display = False
        self.reading.scroll_to_line(0)
        self.reading.rebuild()
        self.refresh_chrome()
        self.call_after_refresh(self.refresh_chrome)

    def _why_not(self, checkpoint: Checkpoint) -> str | None:
        return self.desk.why_not_in_batch(checkpoint)

    def _outcomes(self) -> dict[str, AnswerResult]:
        """What came of each that was sent from here, in the order they go."""
        sent = self._sent or Batch()
        moved = self.desk.session.submissions[self._sent_before :]
        mine = latest_by_target(submission for submission in moved if not submission.is_replay)
        over = self.desk.finished_batches.get(sent.ids)
        return {key: answer_result(mine.get(key), over) for key in sent.ids}

    def _ending(self) -> str:
        over = self.desk.finished_batches.get((self._sent or Batch()).ids)
        return "" if over is not None else " · sending one after the other, also if this is closed"

    def _confirmed(self) -> Iterator[Span]:
        yield from self.warnings()
        yield f"{self.key} sends ", "text"
        yield display_name(self.resolution or ""), "accent strong"
        count = len(self.ready)
        yield f" to {count} checkpoint{'s' * (count != 1)}", "text strong"
        yield from self.desk.name_spans()

    def _caution(self) -> Iterator[Span]:
        words = "stops at the first surprise" if self._stop_on_failure else "goes on after a surprise"
        yield f" · {words}", "text" if self._stop_on_failure else "amber"
        yield f" ({CAUTIOUS_KEY})", "grey"


class ContinueAllScreen(BulkScreen):
    """Continues those of one of `scopes`. Which is chosen; until then the last one, the widest, is listed."""

    def __init__(self, desk: AppState, scopes: Mapping[str, Batch], hidden: frozenset[str]) -> None:
        super().__init__(desk, list(scopes.values())[-1], hidden, [Option(id=scope) for scope in scopes])
        self._scopes = scopes

    @property
    def listed(self) -> Batch:
        scope = self.chosen
        return self._batch if scope is None else self._scopes[scope]

    @property
    def resolution(self) -> str | None:
        return None if self.chosen is None else CONTINUE

    def title_spans(self) -> Iterator[Span]:
        if self._sent is not None:
            yield from super().title_spans()
        else:
            yield "Continue all breakpoints", "accent strong"

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """List those that are meant."""
        self.reading.rebuild()
        super().on_option_chosen(chosen)
