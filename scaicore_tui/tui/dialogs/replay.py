"""The dialog before a replay: what would run again, with which input, for whom, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label

from scaicore_tui.actions.submit import captured_input
from scaicore_tui.errors import UsageError
from scaicore_tui.protocol.strict_json import StrictJson, parse_strict
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, editable_json, one_line, reindent_json
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.keymap import REPLAYING, KeyContext, bindings
from scaicore_tui.tui.messages import CopyText, EditorFailed, EditText, ReplayRun, TextEdited
from scaicore_tui.tui.render.line import Line, Span, untrusted
from scaicore_tui.tui.render.replay_detail import DiffLine, change_lines, changes, count_changed, replay_detail
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.inputs import JsonEditor, SafeInput

OWN = "{}"
# With fewer lines, what is edited gets the place of the difference.
SHORT = 18


class ReplayScreen(Dialog):
    """Confirms the replay of one run, as it was or with an edited input."""

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

    def __init__(self, desk: AppState, run: Run) -> None:
        super().__init__(desk)
        self.run_again = run
        self._original = desk.original(run)
        self._draft = desk.drafts.replay(run.execution_id)
        self._captured = _captured_text(run) if run.has_input else OWN
        self._area = JsonEditor(self._captured if self._draft.text is None else self._draft.text)
        entity = self._original.entity if self._draft.entity_id is None else self._draft.entity_id
        self._area.display = False
        self._entity = SafeInput(entity, placeholder="optional")
        self._given: StrictJson | None = None
        self._problem: str | None = None
        self._shown_text = ""
        self._changes: list[DiffLine] = []
        self._trouble = ""
        self._read()

    @property
    def key_context(self) -> KeyContext:
        if self._area.has_focus:
            return KeyContext.INPUT
        if self.type_out.has_focus:
            return KeyContext.TYPING_OUT
        return KeyContext.ENTITY if self._entity.has_focus else KeyContext.REPLAY

    @property
    def confirmation_words(self) -> tuple[str, ...]:
        return (self.run_again.core_id or "",)

    @property
    def confirmation_key(self) -> object:
        return self._area.text, self._entity.value

    @property
    def fields(self) -> list[Widget | None]:
        return [self._area if self.is_editing else None, self._entity]

    @property
    def is_given(self) -> bool:
        """Whether the input is another than the captured one."""
        return bool(self._changes) or not self.run_again.has_input

    @property
    def is_editing(self) -> bool:
        """Whether the text can be typed in."""
        return self.has_class("-editing")

    def title_spans(self) -> Iterator[Span]:
        yield "Replay  ", "accent strong"
        yield display_name(core_name(self.run_again.core_id)), "text strong"

    def compose_body(self) -> Iterator[Widget]:
        yield self._area
        yield self.reading
        with Horizontal():
            yield Label("entity")
            yield self._entity

    def on_mount(self) -> None:
        """What has no input to send as it is begins with writing one."""
        super().on_mount()
        if not self.run_again.has_input or self.run_again.is_input_truncated:
            self.action_edit()

    def on_resize(self) -> None:
        """On a low screen the text that is edited needs all the room there is."""
        self.set_class(self.app.size.height < SHORT, "-short")
        super().on_resize()

    def update_hint(self) -> None:
        reason = self._why_not()
        if self._trouble:
            self.set_hint((self._trouble, "amber"))
        elif reason is not None:
            self.set_hint((f"can't be sent: {one_line(reason)}", "amber"))
        else:
            self.set_hint(*self._confirmed())

    def on_text_area_changed(self) -> None:
        """What is typed survives the dialog, and is checked."""
        self._trouble = ""
        self._read()
        self.refresh_chrome()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What is typed survives the dialog."""
        self._draft.entity_id = event.value
        self.refresh_chrome()

    def on_text_edited(self, message: TextEdited) -> None:
        """What was saved in the editor. Keys that were meant for it must not confirm."""
        self._opened_at = self.desk.session.clock.monotonic()
        self._area.put(message.text)

    def on_editor_failed(self, message: EditorFailed) -> None:
        """Say why here too: the dialog covers the notices."""
        self._trouble = one_line(message.words)
        self.refresh_chrome()

    def action_send(self) -> None:
        self._read()
        if not self.confirms() or self._why_not() is not None:
            self.refresh_chrome()
            return
        given, entity = self.is_given, self._entity.value.strip()
        value = self._given if given else None
        typed = self.type_out.value
        self.app.post_message(ReplayRun(self.run_again.execution_id, value, given, entity or None, typed))
        self.dismiss()

    def action_edit(self) -> None:
        self._edit(editing=True)

    def action_editor(self) -> None:
        self.app.post_message(EditText(self._area.text))

    def action_copy(self) -> None:
        self.app.post_message(CopyText("the input", self._shown_text))

    def action_captured(self) -> None:
        self._area.put(self._captured)

    def action_back(self) -> None:
        """Stop typing; then leave."""
        if self.key_context in (KeyContext.REPLAY, KeyContext.TYPING_OUT):
            super().action_back()
        else:
            self._edit(editing=False)

    def _edit(self, *, editing: bool) -> None:
        self._trouble = ""
        self.set_class(editing, "-editing")
        self._area.display = editing
        self.set_focus(self._area if editing else None)
        self.reading.scroll_to_line(0)
        self.call_after_refresh(self.refresh_chrome)

    def _read(self) -> None:
        """Keep what is typed, and find out what it says and where it differs."""
        text = self._area.text
        self._draft.text = None if text == self._captured else text
        try:
            self._given, self._problem = parse_strict(text), None
            text = reindent_json(text)
        except ValueError as error:
            self._given, self._problem = None, str(error)
        self._shown_text = text
        captured = self._captured if self.run_again.has_input else text
        self._changes = changes(captured.split("\n"), text.split("\n"))
        if self.is_mounted:
            self.reading.rebuild()

    def _why_not(self) -> str | None:
        if self._problem is not None:
            return self._problem
        return self.desk.why_not_replay(self.run_again, given_input=self.is_given)

    def _confirmed(self) -> Iterator[Span]:
        """What would be invoked, where, and with what."""
        yield from self.warnings()
        yield from self.confirmation_prompt()
        if self.is_given and self._given is not None and self._given.notes:
            yield f"{one_line(self._given.notes[0])} · ", "amber"
        yield f"{'ctrl+s' if self.key_context is KeyContext.INPUT else 'enter'} invokes ", "text"
        yield display_name(self.run_again.core_id or ""), "accent strong"
        yield from self.desk.name_spans("text")
        yield f" · {self._input_words()}", "text"

    def _input_words(self) -> str:
        if not self.run_again.has_input:
            return "with your own input"
        changed = count_changed(self._changes)
        return f"changed: {changed} line{'s' * (changed != 1)}" if changed else "as captured"

    def lines(self, width: int) -> list[Line]:
        notes = replay_detail(self._original, width)
        if self.is_editing:
            return change_lines([change for change in self._changes if change[0] in "-+"], width) or notes
        shown = change_lines(self._changes, width) or self._text_lines(width)
        return [*notes, [], [(f"input · {self._input_words()}", "accent")], *shown]

    def _text_lines(self, width: int) -> list[Line]:
        """The input as it would be sent; as it was typed where it is no JSON yet."""
        is_text = self._given is not None and isinstance(self._given.value, str)
        return untrusted(self._given.value if self._given is not None and is_text else self._shown_text, width)


def _captured_text(run: Run) -> str:
    """The captured input, to edit; one that can't be sent as it is, as far as Python has words for it."""
    try:
        return reindent_json(captured_input(run).source.decode())
    except UsageError:
        return editable_json(run.input)
