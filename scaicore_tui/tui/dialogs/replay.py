"""The replay dialog: shows what would be invoked, with which input and entity, and lets a person edit the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label

from scaicore_tui.actions import gate
from scaicore_tui.actions.submit import captured_input
from scaicore_tui.errors import UsageError
from scaicore_tui.protocol.strict_json import StrictJson, parse_strict
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, editable_json, one_line, reindent_json
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.key_contexts import REPLAYING, KeyContext
from scaicore_tui.tui.keymap import bindings, key_name
from scaicore_tui.tui.messages import CopyText, EditorFailed, EditText, ReplayRun, TextEdited
from scaicore_tui.tui.render.line import Line, Span, untrusted
from scaicore_tui.tui.render.replay_detail import DiffLine, count_changed, diff, diff_lines, replay_detail
from scaicore_tui.tui.render.replays import find_replay_source
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.inputs import SafeInput
from scaicore_tui.tui.widgets.text_areas import JsonEditor

EMPTY_INPUT = "{}"
# Below this height, the editor takes the space of the diff.
SHORT_SCREEN_ROWS = 18


class ReplayScreen(Dialog):
    """Confirms the replay of one run with the captured input or an edited one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(REPLAYING)]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    ReplayScreen JsonEditor { height: 1fr; min-height: 3; margin: 1 1 0 1; }
    ReplayScreen.-editing TextPager { height: 38%; }
    ReplayScreen.-editing.-short TextPager { display: none; }
    ReplayScreen Horizontal { height: 1; margin: 1 1 0 1; }
    ReplayScreen Label { width: 8; color: $state-grey; }
    ReplayScreen Horizontal SafeInput { width: 1fr; }
    """

    def __init__(self, state: AppState, run: Run) -> None:
        super().__init__(state)
        self.source_run = run
        self._source = find_replay_source(run)
        self._draft = state.drafts.replay(run.execution_id)
        self._captured_text = _editable_input(run) if run.has_input else EMPTY_INPUT
        self._editor = JsonEditor(self._captured_text if self._draft.text is None else self._draft.text)
        entity = self._source.entity if self._draft.entity_id is None else self._draft.entity_id
        self._editor.display = False
        self._entity_field = SafeInput(entity, placeholder="optional")
        self._parsed: StrictJson | None = None
        self._parse_error: str | None = None
        self._shown_text = ""
        self._diff: list[DiffLine] = []
        self._editor_error = ""
        self._parse_text()

    @property
    def key_context(self) -> KeyContext:
        if self._editor.has_focus:
            return KeyContext.INPUT
        if self.confirm_field.has_focus:
            return KeyContext.TYPING_OUT
        return KeyContext.ENTITY if self._entity_field.has_focus else KeyContext.REPLAY

    @property
    def confirmation_words(self) -> tuple[str, ...]:
        return (self.source_run.core_id or "",)

    @property
    def confirmation_key(self) -> object:
        return self._editor.text, self._entity_field.value

    @property
    def fields(self) -> list[Widget | None]:
        return [self._editor if self.is_editing else None, self._entity_field]

    @property
    def has_new_input(self) -> bool:
        """True if the input differs from the captured one, or if none was captured."""
        return bool(self._diff) or not self.source_run.has_input

    @property
    def is_editing(self) -> bool:
        """True if the editor is open."""
        return self.has_class("-editing")

    def title_spans(self) -> Iterator[Span]:
        yield "Replay  ", "accent strong"
        yield display_name(core_name(self.source_run.core_id)), "text strong"

    def compose_body(self) -> Iterator[Widget]:
        yield self._editor
        yield self.pager
        with Horizontal():
            yield Label("entity")
            yield self._entity_field

    def on_mount(self) -> None:
        """Open the editor at once if there is no complete captured input to send."""
        super().on_mount()
        if not self.source_run.has_input or self.source_run.is_input_truncated:
            self.action_edit()

    def on_resize(self) -> None:
        """Hide the diff while editing on a low screen."""
        self.set_class(self.app.size.height < SHORT_SCREEN_ROWS, "-short")
        super().on_resize()

    def update_hint(self) -> None:
        reason = self._why_not()
        if self._editor_error:
            self.set_hint((self._editor_error, "amber"))
        elif reason is not None:
            self.set_hint((f"can't send: {one_line(reason)}", "amber"))
        else:
            self.set_hint(*self._send_spans())

    def on_text_area_changed(self) -> None:
        """Store the input in the draft and check it."""
        self._editor_error = ""
        self._parse_text()
        self.refresh_chrome()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Store the entity in the draft."""
        self._draft.entity_id = event.value
        self.refresh_chrome()

    def on_text_edited(self, message: TextEdited) -> None:
        """Take over the text saved in the external editor. Keys meant for that editor must not confirm."""
        self._opened_at = self.state.session.clock.monotonic()
        self._editor.set_text(message.text)

    def on_editor_failed(self, message: EditorFailed) -> None:
        """Show the error in the hint: the dialog covers the notices."""
        self._editor_error = one_line(message.reason)
        self.refresh_chrome()

    def action_send(self) -> None:
        self._parse_text()
        if not self.try_confirm() or self._why_not() is not None:
            self.refresh_chrome()
            return
        has_new_input, entity = self.has_new_input, self._entity_field.value.strip()
        value = self._parsed if has_new_input else None
        typed_word = self.confirm_field.value
        self.app.post_message(ReplayRun(self.source_run.execution_id, value, has_new_input, entity or None, typed_word))
        self.dismiss()

    def action_edit(self) -> None:
        self._set_editing(editing=True)

    def action_editor(self) -> None:
        self.app.post_message(EditText(self._editor.text))

    def action_copy(self) -> None:
        self.app.post_message(CopyText("the input", self._shown_text))

    def action_captured(self) -> None:
        self._editor.set_text(self._captured_text)

    def action_back(self) -> None:
        """Leave the editor; if it is closed, close the dialog."""
        if self.key_context in (KeyContext.REPLAY, KeyContext.TYPING_OUT):
            super().action_back()
        else:
            self._set_editing(editing=False)

    def _set_editing(self, *, editing: bool) -> None:
        self._editor_error = ""
        self.set_class(editing, "-editing")
        self._editor.display = editing
        self.set_focus(self._editor if editing else None)
        self.pager.scroll_to_line(0)
        self.call_after_refresh(self.refresh_chrome)

    def _parse_text(self) -> None:
        """Store the typed text in the draft, parse it and compare it with the captured input."""
        text = self._editor.text
        self._draft.text = None if text == self._captured_text else text
        try:
            self._parsed, self._parse_error = parse_strict(text), None
            text = reindent_json(text)
        except ValueError as error:
            self._parsed, self._parse_error = None, str(error)
        self._shown_text = text
        captured = self._captured_text if self.source_run.has_input else text
        self._diff = diff(captured.split("\n"), text.split("\n"))
        if self.is_mounted:
            self.pager.rebuild()

    def _why_not(self) -> str | None:
        if self._parse_error is not None:
            return self._parse_error
        return gate.why_not_replay(self.state.session.write_context, self.source_run, self.has_new_input)

    def _send_spans(self) -> Iterator[Span]:
        """Yield what the confirm key would invoke, on which profile and with which input."""
        yield from self.warnings()
        yield from self.confirmation_prompt()
        if self.has_new_input and self._parsed is not None and self._parsed.notes:
            yield f"{one_line(self._parsed.notes[0])} · ", "amber"
        yield f"{key_name('send', self.key_context)} invokes ", "text"
        yield display_name(self.source_run.core_id or ""), "accent strong"
        yield from self.state.name_spans("text")
        yield f" · {self._input_summary()}", "text"

    def _input_summary(self) -> str:
        if not self.source_run.has_input:
            return "with your own input"
        changed = count_changed(self._diff)
        return f"{changed} line{'s' * (changed != 1)} changed" if changed else "as captured"

    def lines(self, width: int) -> list[Line]:
        notes = replay_detail(self._source, width)
        if self.is_editing:
            return diff_lines([change for change in self._diff if change[0] in "-+"], width) or notes
        shown = diff_lines(self._diff, width) or self._input_lines(width)
        return [*notes, [], [(f"input · {self._input_summary()}", "accent")], *shown]

    def _input_lines(self, width: int) -> list[Line]:
        """Return the input as it would be sent, or as typed if it is not valid JSON yet."""
        is_text = self._parsed is not None and isinstance(self._parsed.value, str)
        return untrusted(self._parsed.value if self._parsed is not None and is_text else self._shown_text, width)


def _editable_input(run: Run) -> str:
    """Return the captured input as text to edit. If it can't be sent verbatim, use Python's reading of it."""
    try:
        return reindent_json(captured_input(run).source.decode())
    except UsageError:
        return editable_json(run.input)
