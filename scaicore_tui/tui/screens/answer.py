"""The dialog that answers a checkpoint: choose, comment if wanted, confirm. One confirmation sends one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input, TextArea

from scaicore_tui.runs.status import BREAKPOINT, REVIEW
from scaicore_tui.text import one_line
from scaicore_tui.tui.actions import Place, bindings, writes
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.messages import AnswerCheckpoint, OptionChosen
from scaicore_tui.tui.paint import Piece
from scaicore_tui.tui.screens.dialog import Dialog
from scaicore_tui.tui.screens.question import question_lines
from scaicore_tui.tui.widgets.choices import Choices
from scaicore_tui.tui.widgets.reading import Reading
from scaicore_tui.tui.widgets.run_row import core_name
from scaicore_tui.wire import Checkpoint, Option
from scaicore_tui.wire.checkpoints import CONTINUE


class AnswerScreen(Dialog):
    """Answers one checkpoint."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.ANSWER}, but=("option_down", "option_up"))]
    DEFAULT_CSS = """
    AnswerScreen Choices { height: auto; max-height: 40%; margin: 1 1 0 1; }
    AnswerScreen #free { border: none; height: 1; margin: 1 1 0 1; background: $panel; }
    AnswerScreen #free:focus, AnswerScreen TextArea:focus { border: none; background: $boost; }
    AnswerScreen TextArea { height: 1; border: none; padding: 0 1; margin: 1 1 0 1; background: $panel; }
    AnswerScreen TextArea:focus, AnswerScreen TextArea.-typed { height: 3; }
    """

    def __init__(self, desk: Desk, checkpoint: Checkpoint) -> None:
        super().__init__(desk)
        self.checkpoint = checkpoint
        self._draft = desk.draft(checkpoint.id)
        options = (Option(id=CONTINUE),) if checkpoint.is_breakpoint else checkpoint.options
        self._choices = Choices(options, self._draft.resolution) if options else None
        self._free = Input(self._draft.resolution or "", placeholder="answer", id="free", select_on_focus=False)
        self._comment = TextArea(
            self._draft.comment, soft_wrap=True, tab_behavior="focus", placeholder="comment (optional)"
        )
        self._free.cursor_blink = self._comment.cursor_blink = False

    @property
    def place(self) -> Place:
        return Place.COMMENT if self._comment.has_focus else Place.ANSWER

    @property
    def resolution(self) -> str | None:
        """What would be sent; None as long as nothing is chosen."""
        if self._choices is not None:
            return self._choices.chosen.id if self._choices.chosen is not None else None
        return self._free.value.strip() or None

    def title_pieces(self) -> Iterator[Piece]:
        look = BREAKPOINT if self.checkpoint.is_breakpoint else REVIEW
        flow = self.checkpoint.flow_name
        yield f"{look.glyph} {look.word}  ", f"{look.colour} strong"
        yield (one_line(flow) if flow else core_name(self.checkpoint.core_id)), "text strong"

    def compose_body(self) -> Iterator[Widget]:
        yield Reading(lambda width: question_lines(self.checkpoint, width, self.desk.now))
        yield self._choices or self._free
        if not self.read_only:
            yield self._comment

    def on_mount(self) -> None:
        """The options have the keys."""
        super().on_mount()
        (self._choices or self._free).focus()

    def judge(self) -> None:
        reason = self.desk.why_not_answer(self.checkpoint, self.resolution)
        if self.read_only:
            self.verdict(("this session is read-only", "amber"))
        elif reason is not None:
            self.verdict((f"can't be sent: {one_line(reason)}", "amber"))
        elif self.resolution is None:
            self.verdict(("nothing is chosen yet", "grey"))
        else:
            lost = "an earlier answer may have arrived. " if self.desk.was_lost(self.checkpoint) else ""
            key = "ctrl+s" if self.place is Place.COMMENT else "enter"
            self.verdict((lost, "amber"), (f"{key} sends ", "text"), (one_line(self.resolution), "accent strong"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only unbinds what writes."""
        return not (self.read_only and writes(action))

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """Remember the choice; sending it is another key."""
        self._draft.resolution = chosen.option_id
        self.show_frame()

    def on_text_area_changed(self) -> None:
        """What is typed survives the dialog."""
        self._draft.comment = self._comment.text
        self._comment.set_class(bool(self._comment.text), "-typed")

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed survives the dialog."""
        self._draft.resolution = event.value
        self.show_frame()

    def on_input_submitted(self) -> None:
        """Enter in a free answer confirms it, as it does a chosen one."""
        self.action_send()

    def action_send(self) -> None:
        resolution = self.resolution
        reason = self.desk.why_not_answer(self.checkpoint, resolution)
        if self.in_haste or resolution is None or reason is not None:
            self.show_frame()
            return
        comment = self._comment.text.strip() or None
        self.app.post_message(AnswerCheckpoint(self.checkpoint.id, resolution, comment))
        self.dismiss()

    def action_comment(self) -> None:
        if self._comment.has_focus or self.read_only:
            (self._choices or self._free).focus()
        else:
            self._comment.focus()
