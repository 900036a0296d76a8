"""What the dialogs that answer share: options or a free text, a comment, and that nothing goes without being chosen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from scaicore_tui.actions.gate import confirmation_words
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.runs.status_style import BREAKPOINT, REVIEW
from scaicore_tui.text import display_name, editable_json, one_line
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.keymap import KeyContext, bindings, is_write_action
from scaicore_tui.tui.messages import AnswerCheckpoint, CopyText, OptionChosen
from scaicore_tui.tui.render.checkpoint_detail import checkpoint_detail, input_field_lines
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.tui.state import AppState, Draft
from scaicore_tui.tui.widgets.inputs import SafeInput, SafeTextArea
from scaicore_tui.tui.widgets.option_picker import OptionPicker


class AnswerDialogBase(Dialog):
    """A question to read, and its answer. What is chosen and typed is kept in a draft."""

    DEFAULT_CSS = """
    AnswerDialogBase OptionPicker { height: auto; max-height: 40%; margin: 1 1 0 1; }
    AnswerDialogBase #free { margin: 1 1 0 1; padding: 0; }
    AnswerDialogBase TextArea:focus { border: none; background: $boost; }
    AnswerDialogBase TextArea { height: 1; border: none; padding: 0 1; margin: 1 1 0 1; background: $panel; }
    AnswerDialogBase TextArea:focus, AnswerDialogBase TextArea.-typed { height: 3; }
    AnswerDialogBase.-low TextArea { margin: 0 1; }
    """

    def __init__(self, desk: AppState, options: Sequence[Option], draft: Draft, *, reserved: str = "") -> None:
        super().__init__(desk)
        self._draft = draft
        self._choices = OptionPicker(options, draft.resolution, reserved=reserved) if options else None
        self._free = SafeInput(draft.resolution or "", placeholder="answer", id="free")
        self._comment = SafeTextArea(draft.comment, placeholder="comment (optional)")
        self._comment.set_class(bool(draft.comment), "-typed")

    @property
    @abstractmethod
    def choosing(self) -> KeyContext:
        """Where the focus is while it is not in the comment."""

    @property
    def key_context(self) -> KeyContext:
        if self.type_out.has_focus:
            return KeyContext.TYPING_OUT
        return KeyContext.COMMENT if self._comment.has_focus else self.choosing

    @property
    def resolution(self) -> str | None:
        """What would be sent; None as long as nothing is chosen."""
        return self.chosen

    @property
    def chosen(self) -> str | None:
        """The option, or the free answer; None as long as there is none."""
        if self._choices is not None:
            return self._choices.chosen.id if self._choices.chosen is not None else None
        return self._free.value.strip() or None

    @property
    def comment(self) -> str | None:
        """What would be sent beside it."""
        return self._comment.text.strip() or None

    @property
    def key(self) -> str:
        """The key that confirms, where the focus is."""
        return "ctrl+s" if self.key_context is KeyContext.COMMENT else "enter"

    @property
    def confirmation_words(self) -> tuple[str, ...]:
        option = self._choices.chosen if self._choices is not None else None
        return tuple(confirmation_words([] if option is None else [option], self.resolution or ""))

    @property
    def confirmation_key(self) -> object:
        return self.chosen

    @property
    def fields(self) -> list[Widget | None]:
        return [self._choices or self._free, *([] if self.read_only else [self._comment])]

    def compose_body(self) -> Iterator[Widget]:
        yield self.reading
        yield self._choices or self._free
        if not self.read_only:
            yield self._comment

    def on_mount(self) -> None:
        """The options have the keys."""
        super().on_mount()
        (self._choices or self._free).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only unbinds what writes."""
        return not (self.read_only and is_write_action(action))

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """Remember the choice; sending it is another key."""
        self._draft.resolution = chosen.option_id
        self.refresh_chrome()

    def on_text_area_changed(self) -> None:
        """What is typed survives the dialog; it takes room from what there is to read."""
        self._draft.comment = self._comment.text
        self._comment.set_class(bool(self._comment.text), "-typed")
        self.call_after_refresh(self.refresh_chrome)

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed survives the dialog."""
        self._draft.resolution = event.value
        self.refresh_chrome()


class AnswerScreen(AnswerDialogBase):
    """Answers one checkpoint. `sent` is called with its id right before the answer goes out."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.ANSWER}, exclude=("option_down", "option_up"))]

    def __init__(self, desk: AppState, checkpoint: Checkpoint, sent: Callable[[str], None]) -> None:
        super().__init__(desk, checkpoint.answers, desk.drafts.answer(checkpoint.id))
        self.checkpoint = checkpoint
        self._sent = sent

    @property
    def choosing(self) -> KeyContext:
        return KeyContext.ANSWER

    def title_spans(self) -> Iterator[Span]:
        look = BREAKPOINT if self.checkpoint.is_breakpoint else REVIEW
        flow = self.checkpoint.flow_name
        yield f"{look.glyph} {look.word}  ", f"{look.colour} strong"
        yield display_name(flow or core_name(self.checkpoint.core_id)), "text strong"

    def lines(self, width: int) -> list[Line]:
        return checkpoint_detail(self.checkpoint, width, self.desk.now)

    def update_hint(self) -> None:
        reason = self.desk.why_not_answer(self.checkpoint, self.resolution)
        if self.read_only:
            self.set_hint(("this session is read-only", "amber"))
        elif reason is not None:
            self.set_hint((f"can't be sent: {one_line(reason)}", "amber"))
        elif self.resolution is None:
            self.set_hint(("nothing is chosen yet", "grey"))
        else:
            self.set_hint(*self._warnings(), *self.confirmation_prompt(), *self._confirmed())

    def action_send(self) -> None:
        resolution = self.resolution
        reason = self.desk.why_not_answer(self.checkpoint, resolution)
        if not self.confirms() or resolution is None or reason is not None:
            self.refresh_chrome()
            return
        self._sent(self.checkpoint.id)
        self.app.post_message(AnswerCheckpoint(self.checkpoint.id, resolution, self.comment, self.type_out.value))
        self.dismiss()

    def action_copy(self) -> None:
        self.app.post_message(CopyText("the checkpoint as JSON", editable_json(self.checkpoint.raw)))

    def action_fields(self) -> None:
        """Input fields can't be sent; a comment can."""
        lines = [line for line in input_field_lines(self.checkpoint) if line not in self._comment.text.splitlines()]
        if self.read_only or not lines:
            self.set_hint(("ctrl+t: there is no input field that is not in the comment", "amber"))
            return
        self._comment.text = "\n".join(part for part in (self._comment.text, *lines) if part)
        self.refresh_chrome()

    def _warnings(self) -> Iterator[Span]:
        if self.desk.is_outcome_unknown(self.checkpoint):
            yield "an earlier answer may have arrived. ", "amber"
        yield from self.warnings()

    def _confirmed(self) -> Iterator[Span]:
        """What would be sent, from where, and what it is for."""
        where = (core_name(self.checkpoint.core_id), self.checkpoint.execution_id, self.checkpoint.node_id)
        yield f"{self.key} sends ", "text"
        yield display_name(self.resolution or ""), "accent strong"
        yield from self.desk.name_spans()
        yield from ((f" · {display_name(part)}", "text") for part in where if part)
