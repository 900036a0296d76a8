"""The dialog that replays the marked runs: it lists them, and those that cannot be replayed, and confirms once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from scaicore_tui.actions import gate
from scaicore_tui.session.replay_batch import BatchItem, confirmation_word
from scaicore_tui.text import one_line
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import bindings, key_name
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.replay_rows import selection_lines
from scaicore_tui.tui.replay_messages import ReplayAll
from scaicore_tui.tui.state import AppState


class ReplayAllScreen(Dialog):
    """Confirms the replays of `items`, which stay the same while the dialog is open."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.REPLAY_ALL})]
    AUTO_FOCUS = ""

    def __init__(self, state: AppState, items: Sequence[BatchItem]) -> None:
        self.items = items
        self._wanted = [item for item in items if not item.skip_reason]
        super().__init__(state)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.TYPING_OUT if self.confirm_field.has_focus else KeyContext.REPLAY_ALL

    @property
    def confirmation_words(self) -> tuple[str, ...]:
        return (confirmation_word(len(self._wanted)),) if self._wanted else ()

    @property
    def confirmation_key(self) -> object:
        return len(self._wanted)

    @property
    def fields(self) -> list[Widget | None]:
        return [None]

    def title_spans(self) -> Iterator[Span]:
        yield "Replay  ", "accent strong"
        yield _count_runs(len(self._wanted)), "text strong"
        if len(self.items) > len(self._wanted):
            yield f" of {len(self.items)} marked", "grey"

    def lines(self, width: int) -> list[Line]:
        return selection_lines(self.items, width)

    def compose_body(self) -> Iterator[Widget]:
        yield self.pager

    def update_hint(self) -> None:
        reason = self._why_not()
        if reason is not None:
            self.set_hint((f"can't send: {one_line(reason)}", "amber"))
        else:
            self.set_hint(*self.confirmation_prompt(), *self._send_spans())

    def action_send(self) -> None:
        if not self.try_confirm() or self._why_not() is not None:
            self.refresh_chrome()
            return
        self.app.post_message(ReplayAll(self.items, self.confirm_field.value))
        self.dismiss()

    def _why_not(self) -> str | None:
        """Return why nothing can be sent; None if it can."""
        if not self._wanted:
            return "none of these runs can be replayed"
        context = self.state.session.write_context
        return gate.why_no_writes(context) or context.forbidden_replays or context.stale_runs or None

    def _send_spans(self) -> Iterator[Span]:
        yield from self.warnings()
        yield f"{key_name('send', KeyContext.REPLAY_ALL)} replays ", "text"
        yield _count_runs(len(self._wanted)), "text strong"
        yield from self.state.name_spans()


def _count_runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"
