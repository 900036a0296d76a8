"""The dialog that answers a checkpoint: choose, comment if wanted, confirm. One confirmation sends one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.binding import BindingType

from scaicore_tui.runs.status import BREAKPOINT, REVIEW
from scaicore_tui.text import named, one_line, source
from scaicore_tui.tui.actions import Place, bindings
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.form import input_lines
from scaicore_tui.tui.messages import AnswerCheckpoint, CopyText
from scaicore_tui.tui.paint import Piece, Pieces
from scaicore_tui.tui.screens.answering import AnsweringDialog
from scaicore_tui.tui.screens.question import question_lines
from scaicore_tui.tui.widgets.run_row import core_name
from scaicore_tui.wire import Checkpoint


class AnswerScreen(AnsweringDialog):
    """Answers one checkpoint. `sent` is called with its id right before the answer goes out."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.ANSWER}, but=("option_down", "option_up"))]

    def __init__(self, desk: Desk, checkpoint: Checkpoint, sent: Callable[[str], None]) -> None:
        super().__init__(desk, checkpoint.answers, desk.drafts.answer(checkpoint.id))
        self.checkpoint = checkpoint
        self._sent = sent

    @property
    def choosing(self) -> Place:
        return Place.ANSWER

    def title_pieces(self) -> Iterator[Piece]:
        look = BREAKPOINT if self.checkpoint.is_breakpoint else REVIEW
        flow = self.checkpoint.flow_name
        yield f"{look.glyph} {look.word}  ", f"{look.colour} strong"
        yield named(flow or core_name(self.checkpoint.core_id)), "text strong"

    def lines(self, width: int) -> list[Pieces]:
        return question_lines(self.checkpoint, width, self.desk.now)

    def judge(self) -> None:
        reason = self.desk.why_not_answer(self.checkpoint, self.resolution)
        if self.read_only:
            self.verdict(("this session is read-only", "amber"))
        elif reason is not None:
            self.verdict((f"can't be sent: {one_line(reason)}", "amber"))
        elif self.resolution is None:
            self.verdict(("nothing is chosen yet", "grey"))
        else:
            self.verdict(*self._warnings(), *self.still_to_type(), *self._confirmed())

    def action_send(self) -> None:
        resolution = self.resolution
        reason = self.desk.why_not_answer(self.checkpoint, resolution)
        if not self.confirms() or resolution is None or reason is not None:
            self.show_frame()
            return
        self._sent(self.checkpoint.id)
        self.app.post_message(AnswerCheckpoint(self.checkpoint.id, resolution, self.comment, self.type_out.value))
        self.dismiss()

    def action_copy(self) -> None:
        self.app.post_message(CopyText("the checkpoint as JSON", source(self.checkpoint.source)))

    def action_fields(self) -> None:
        """Input fields can't be sent; a comment can."""
        lines = [line for line in input_lines(self.checkpoint) if line not in self._comment.text.splitlines()]
        if self.read_only or not lines:
            self.verdict(("ctrl+t: there is no input field that is not in the comment", "amber"))
            return
        self._comment.text = "\n".join(part for part in (self._comment.text, *lines) if part)
        self.show_frame()

    def _warnings(self) -> Iterator[Piece]:
        if self.desk.was_lost(self.checkpoint):
            yield "an earlier answer may have arrived. ", "amber"
        yield from self.unheeded()

    def _confirmed(self) -> Iterator[Piece]:
        """What would be sent, from where, and what it is for."""
        where = (core_name(self.checkpoint.core_id), self.checkpoint.execution_id, self.checkpoint.node_id)
        yield f"{self.key} sends ", "text"
        yield named(self.resolution or ""), "accent strong"
        yield from self.desk.name_pieces()
        yield from ((f" · {named(part)}", "text") for part in where if part)
