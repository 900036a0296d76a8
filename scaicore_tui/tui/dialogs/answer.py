"""The dialog that answers one checkpoint, and the base it shares with the bulk dialog.

An answer is an option or a free text, with an optional comment. Nothing is preselected and nothing is sent without a
choice. What is chosen and typed is kept as a draft when the dialog closes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Input

from scaicore_tui.actions import gate
from scaicore_tui.actions.gate import confirmation_words
from scaicore_tui.analysis.review_form import input_field_lines
from scaicore_tui.protocol import Checkpoint, Option
from scaicore_tui.runs.status_style import BREAKPOINT, REVIEW
from scaicore_tui.text import display_name, editable_json, one_line
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import bindings, is_write_action, key_name
from scaicore_tui.tui.messages import AnnounceAnswering, AnswerCheckpoint, CopyText, OptionChosen
from scaicore_tui.tui.render.checkpoint_detail import checkpoint_detail
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.tui.state import AppState, Draft
from scaicore_tui.tui.widgets.inputs import SafeInput
from scaicore_tui.tui.widgets.option_picker import OptionPicker
from scaicore_tui.tui.widgets.text_areas import SafeTextArea


class AnswerDialogBase(Dialog):
    """Base of answer dialogs: text to read, an option picker or a free text, and a comment.

    `reserved` are characters that the picker leaves to the dialog's own keys.
    """

    DEFAULT_CSS = """
    AnswerDialogBase OptionPicker { height: auto; max-height: 40%; margin: 1 1 0 1; }
    AnswerDialogBase #free { margin: 1 1 0 1; padding: 0; }
    AnswerDialogBase TextArea:focus { border: none; background: $boost; }
    AnswerDialogBase TextArea { height: 1; border: none; padding: 0 1; margin: 1 1 0 1; background: $panel; }
    AnswerDialogBase TextArea:focus, AnswerDialogBase TextArea.-typed { height: 3; }
    AnswerDialogBase.-low TextArea { margin: 0 1; }
    """

    def __init__(self, state: AppState, options: Sequence[Option], draft: Draft, *, reserved: str = "") -> None:
        super().__init__(state)
        self._draft = draft
        self._picker = OptionPicker(options, draft.resolution, reserved=reserved) if options else None
        self._free_text = SafeInput(draft.resolution or "", placeholder="answer", id="free")
        self._comment = SafeTextArea(draft.comment, placeholder="comment (optional)")
        self._comment.set_class(bool(draft.comment), "-typed")

    @property
    @abstractmethod
    def choice_context(self) -> KeyContext:
        """The key context while the options or the free text have the focus."""

    @property
    def key_context(self) -> KeyContext:
        if self.confirm_field.has_focus:
            return KeyContext.TYPING_OUT
        return KeyContext.COMMENT if self._comment.has_focus else self.choice_context

    @property
    def resolution(self) -> str | None:
        """The resolution to send; None if nothing is chosen."""
        return self.chosen

    @property
    def chosen(self) -> str | None:
        """The id of the chosen option, or the free text; None if there is neither."""
        if self._picker is not None:
            return self._picker.chosen.id if self._picker.chosen is not None else None
        return self._free_text.value.strip() or None

    @property
    def comment(self) -> str | None:
        """The comment to send; None if it is empty."""
        return self._comment.text.strip() or None

    @property
    def confirm_key(self) -> str:
        """The key that confirms in the current key context."""
        return key_name("send", self.key_context)

    @property
    def confirmation_words(self) -> tuple[str, ...]:
        option = self._picker.chosen if self._picker is not None else None
        return tuple(confirmation_words([] if option is None else [option], self.resolution or ""))

    @property
    def confirmation_key(self) -> object:
        return self.chosen

    @property
    def fields(self) -> list[Widget | None]:
        return [self._picker or self._free_text, *([] if self.read_only else [self._comment])]

    def compose_body(self) -> Iterator[Widget]:
        yield self.pager
        yield self._picker or self._free_text
        if not self.read_only:
            yield self._comment

    def on_mount(self) -> None:
        """Focus the options."""
        super().on_mount()
        (self._picker or self._free_text).focus()

    def why_key_is_dead(self, key: str) -> str | None:
        """Return how to choose, for a character that begins no option."""
        if self._picker is None or not self._picker.has_focus or len(key) > 1:
            return None
        count = self._picker.option_count
        return "no such option: choose 1" if count == 1 else f"no such option: choose 1–{count}, or its first letters"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable write actions in a read-only session."""
        return not (self.read_only and is_write_action(action))

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """Store the choice in the draft. Sending needs another key."""
        self._draft.resolution = chosen.option_id
        self.refresh_chrome()

    def on_text_area_changed(self) -> None:
        """Store the comment in the draft. A non-empty comment field is higher, so lay out again."""
        self._draft.comment = self._comment.text
        self._comment.set_class(bool(self._comment.text), "-typed")
        self.call_after_refresh(self.refresh_chrome)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Store the free text in the draft."""
        self._draft.resolution = event.value
        self.refresh_chrome()


class AnswerScreen(AnswerDialogBase):
    """Answers one checkpoint. Calls `on_sent` with its id right before it posts the answer."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.ANSWER}, exclude=("option_down", "option_up"))]

    def __init__(self, state: AppState, checkpoint: Checkpoint, on_sent: Callable[[str], None]) -> None:
        super().__init__(state, checkpoint.answers, state.drafts.answer(checkpoint.id))
        self.checkpoint = checkpoint
        self._on_sent = on_sent

    @property
    def choice_context(self) -> KeyContext:
        return KeyContext.ANSWER

    def on_mount(self) -> None:
        """Let others see that this dialog is open."""
        super().on_mount()
        if not self.read_only:
            self.app.post_message(AnnounceAnswering(self.checkpoint.id, is_open=True))

    def on_unmount(self) -> None:
        """Let others see that this dialog is closed."""
        if not self.read_only:
            self.app.post_message(AnnounceAnswering(self.checkpoint.id, is_open=False))

    def title_spans(self) -> Iterator[Span]:
        style = BREAKPOINT if self.checkpoint.is_breakpoint else REVIEW
        flow = self.checkpoint.flow_name
        yield f"{style.glyph} {style.word}  ", f"{style.colour} strong"
        yield display_name(flow or core_name(self.checkpoint.core_id)), "text strong"

    def lines(self, width: int) -> list[Line]:
        return checkpoint_detail(self.checkpoint, width, self.state.now)

    def update_hint(self) -> None:
        reason = gate.why_not_answer(self.state.session.write_context, self.checkpoint, self.resolution)
        if self.read_only:
            self.set_hint(("this session is read-only", "amber"))
        elif reason is not None:
            self.set_hint((f"can't send: {one_line(reason)}", "amber"))
        elif self.resolution is None:
            self.set_hint(*self.state.others_spans(self.checkpoint.id), ("nothing is chosen yet", "grey"))
        else:
            self.set_hint(*self._warnings(), *self.confirmation_prompt(), *self._send_spans())

    def action_send(self) -> None:
        resolution = self.resolution
        reason = gate.why_not_answer(self.state.session.write_context, self.checkpoint, resolution)
        if not self.try_confirm() or resolution is None or reason is not None:
            self.refresh_chrome()
            return
        self._on_sent(self.checkpoint.id)
        self.app.post_message(AnswerCheckpoint(self.checkpoint.id, resolution, self.comment, self.confirm_field.value))
        self.dismiss()

    def action_copy(self) -> None:
        self.app.post_message(CopyText("the checkpoint as JSON", editable_json(self.checkpoint.raw)))

    def action_fields(self) -> None:
        """Copy the checkpoint's input fields into the comment: the API takes no fields, only a comment."""
        lines = [line for line in input_field_lines(self.checkpoint) if line not in self._comment.text.splitlines()]
        if self.read_only or not lines:
            key = key_name("fields", self.key_context)
            self.set_hint((f"{key}: no input fields left to copy into the comment", "amber"))
            return
        self._comment.text = "\n".join(part for part in (self._comment.text, *lines) if part)
        self.refresh_chrome()

    def _warnings(self) -> Iterator[Span]:
        if gate.is_outcome_unknown(self.state.session.write_context, self.checkpoint):
            yield "An earlier answer may have arrived. ", "amber"
        yield from self.state.others_spans(self.checkpoint.id)
        yield from self.warnings()

    def _send_spans(self) -> Iterator[Span]:
        """Yield what the confirm key would send, from which profile, and to which Core, run and node."""
        target = (core_name(self.checkpoint.core_id), self.checkpoint.execution_id, self.checkpoint.node_id)
        yield f"{self.confirm_key} sends ", "text"
        yield display_name(self.resolution or ""), "accent strong"
        yield from self.state.name_spans()
        yield from ((f" · {display_name(part)}", "text") for part in target if part)
