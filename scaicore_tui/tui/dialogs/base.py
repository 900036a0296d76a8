"""Base of dialogs that send: heading, text, hint, footer, and the guards before a confirmation.

The guards: a key pressed right after opening does not confirm, nor does any key while the terminal is too small to show
the dialog; on a protected profile, the confirmation word must be typed first.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from textual.app import ComposeResult
from textual.geometry import Size
from textual.widget import Widget

from scaicore_tui.runs import Delta
from scaicore_tui.text import display_name, one_line
from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import actions_in
from scaicore_tui.tui.messages import ConfirmationTyped, InvokeKeyAction, TextCopied
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import ActionHint, Footer, Heading
from scaicore_tui.tui.widgets.inputs import TypeToConfirm
from scaicore_tui.tui.widgets.line_view import TextPager

# A key pressed sooner was meant for the screen below.
CONFIRM_DELAY_S = 0.3
MIN_SIZE = Size(30, 8)
TOO_FAST = "Too fast — review, then press again. "
TOO_SMALL = "Terminal too small to show what would be sent. Enlarge it to confirm. "
# Below this height, dialogs leave out blank lines.
LOW_SCREEN_ROWS = 30
# Ages are shown in steps of ten seconds.
AGE_REFRESH_S = 5.0


class Dialog(StatusDialog):
    """A dialog over a session's screen that confirms one decision."""

    DEFAULT_CSS = """
    Dialog #panel { max-width: 100; max-height: 36; }
    Dialog TypeToConfirm { margin: 1 1 0 1; }
    Dialog TextPager { padding: 1 1 0 1; height: 1fr; min-height: 3; }
    Dialog.-low #panel { max-height: 100%; }
    Dialog.-low TextPager { padding: 0 1; }
    Dialog.-low TypeToConfirm { margin: 0 1; }
    """

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self.state = state
        self._opened_at = state.session.clock.monotonic()
        self.was_too_soon = False
        self.confirm_field = TypeToConfirm(is_needed=state.protected)
        # Kept as attributes, not queried: a tick may still arrive while the screen is being removed.
        self.pager = TextPager(self.lines)
        self._heading, self._hint, self._footer = Heading(), ActionHint(), Footer()

    @property
    @abstractmethod
    def key_context(self) -> KeyContext:
        """The key context of the focused part."""

    @property
    def read_only(self) -> bool:
        """True if keys that write are off."""
        return self.state.read_only

    @property
    def is_too_soon(self) -> bool:
        """True within CONFIRM_DELAY_S after the dialog opened, or after the last press that came too soon."""
        return self.state.session.clock.monotonic() - self._opened_at < CONFIRM_DELAY_S

    @property
    def is_too_small(self) -> bool:
        """True if the terminal is too small to show what would be sent."""
        return self.app.size.width < MIN_SIZE.width or self.app.size.height < MIN_SIZE.height

    def warnings(self) -> Iterator[Span]:
        """Yield why a confirmation was refused, or would be."""
        if self.is_too_small:
            yield TOO_SMALL, "amber"
        elif self.was_too_soon:
            yield TOO_FAST, "amber"

    def confirm_too_soon(self) -> bool:
        """Return True if a confirmation is too soon. Each such press restarts the delay: a held key never confirms."""
        self.was_too_soon = self.is_too_soon
        if self.was_too_soon:
            self._opened_at = self.state.session.clock.monotonic()
        return self.was_too_soon

    def try_confirm(self) -> bool:
        """Return True if the confirmation passes all guards; else focus the confirmation word if that is missing."""
        if self.is_too_small:
            return False
        is_too_soon = self.confirm_too_soon()
        self._update_confirm_field()
        if not is_too_soon and not self.confirm_field.is_satisfied and self.confirm_field.word:
            self.confirm_field.focus()
        return not is_too_soon and self.confirm_field.is_satisfied

    @property
    @abstractmethod
    def confirmation_words(self) -> tuple[str, ...]:
        """The words that confirm on a protected profile; any one of them suffices. Empty if nothing can be sent yet."""

    @property
    @abstractmethod
    def confirmation_key(self) -> object:
        """The subject that the confirmation word applies to. If this changes, the word must be typed again."""

    @property
    @abstractmethod
    def fields(self) -> list[Widget | None]:
        """The fields in tab order; None stands for the dialog itself."""

    @abstractmethod
    def action_send(self) -> None:
        """Confirm and send, if all guards allow it."""

    @abstractmethod
    def title_spans(self) -> Iterable[Span]:
        """Return the heading."""

    @abstractmethod
    def lines(self, width: int) -> Sequence[Line]:
        """Return the text to read, wrapped to `width` cells."""

    @abstractmethod
    def compose_body(self) -> Iterator[Widget]:
        """Yield the widgets between heading and hint."""

    @abstractmethod
    def update_hint(self) -> None:
        """Show in the hint what the confirm key would do now."""

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield from self.compose_body()
        if self.confirm_field.is_needed:
            yield self.confirm_field
        yield self._hint
        yield self._footer

    def on_mount(self) -> None:
        """Fill the bars, and again after the layout: only then it is known whether there is more to read."""
        super().on_mount()
        self.refresh_chrome()
        self.call_after_refresh(self.refresh_chrome)
        self.set_interval(AGE_REFRESH_S, self.tick)

    def tick(self) -> None:
        """Update ages and deadlines."""
        self.pager.rebuild()

    def on_resize(self) -> None:
        """Leave out blank lines on a low screen, and update the count of lines below."""
        super().on_resize()
        self.set_class(self.app.size.height < LOW_SCREEN_ROWS, "-low")
        self.call_after_refresh(self.refresh_chrome)

    def on_descendant_focus(self) -> None:
        """Show the keys of the focused field."""
        self.refresh_chrome()

    def apply_delta(self, delta: Delta) -> None:
        """Update the hint: the change may affect what can be sent."""
        super().apply_delta(delta)
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Redraw heading, hint and footer."""
        self._update_confirm_field()
        pager = self.pager
        below = pager.line_count - pager.top - pager.size.height
        has_more = below > 0 and any(action.id == "read_down" for action in actions_in(self.key_context))
        more: list[Span] = [(f"pgdn: {below} more lines", "accent")] if has_more else []
        self._heading.show(list(self.title_spans()), more, active=True)
        self.update_hint()
        self._footer.show(actions_in(self.key_context, read_only=self.read_only))

    def set_hint(self, *spans: Span) -> None:
        """Show `spans` in the hint."""
        self._hint.show(*spans)

    def on_text_copied(self, message: TextCopied) -> None:
        """Say where the text was copied to."""
        self.show_message(message.text, message.colour)

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text` in the hint, as the dialog covers the notices, and add it to the notices."""
        self.state.add_notice(text, colour)
        self.set_hint((one_line(text), colour))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked."""
        await self.run_action(request.action_id)

    def on_confirmation_typed(self, typed: ConfirmationTyped) -> None:
        """Restart the delay at the first character: some terminals paste key by key, ending with Enter."""
        if typed.begins:
            self._opened_at = self.state.session.clock.monotonic()
        self.refresh_chrome()

    def on_input_submitted(self) -> None:
        """Confirm with Enter in a one-line field, too."""
        self.action_send()

    def confirmation_prompt(self) -> Iterator[Span]:
        """Yield the request for the confirmation word while it is missing."""
        if self.confirm_field.is_satisfied:
            return
        if self.confirm_field.was_pasted:
            yield "pasting is not accepted: ", "amber"
        yield "first type ", "amber"
        yield display_name(self.confirm_field.word, self.size.width // 2), "amber strong"
        yield ": ", "amber"

    def action_next_field(self) -> None:
        fields = [
            *self.fields,
            *([self.confirm_field] if self.confirm_field.is_needed and self.confirm_field.display else []),
        ]
        if fields:
            current = next((index for index, field in enumerate(fields) if field is self.focused), 0)
            self.set_focus(fields[(current + 1) % len(fields)])
            self.call_after_refresh(self.refresh_chrome)

    def _update_confirm_field(self) -> None:
        if self.confirm_field.is_needed:
            self.confirm_field.require(self.confirmation_words, self.confirmation_key)

    def action_help(self) -> None:
        from scaicore_tui.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.state, self.key_context))

    def action_read_down(self) -> None:
        self.pager.page(1)
        self.refresh_chrome()

    def action_read_up(self) -> None:
        self.pager.page(-1)
        self.refresh_chrome()

    def action_back(self) -> None:
        self.dismiss()
