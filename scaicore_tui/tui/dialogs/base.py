"""What all dialogs share: a panel with a heading, a footer whose keys can be clicked, and a guard against haste."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widget import Widget

from scaicore_tui.session import Update
from scaicore_tui.text import display_name, one_line
from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.keymap import KeyContext, actions_in
from scaicore_tui.tui.messages import ConfirmationTyped, InvokeKeyAction, TextCopied
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.screens.base import ClosingOnce
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import ActionHint, Footer, Heading
from scaicore_tui.tui.widgets.inputs import TypeToConfirm
from scaicore_tui.tui.widgets.line_view import TextPager

# Keys that were meant for the screen below must not confirm.
CONFIRM_DELAY_S = 0.3
LEAST = Size(30, 8)
TOO_FAST = "that was fast: look, and press again. "
TOO_SMALL = "too small to show what is sent: make the terminal larger. "
# With fewer lines, every one counts.
LOW = 30
# Ages are told in steps of ten seconds.
AGEING = 5.0


class Dialog(ClosingOnce, ModalScreen[None], metaclass=AbstractMeta):
    """A dialog over the session's screens."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background; }
    Dialog #panel { width: 96%; max-width: 100; height: 94%; max-height: 36; background: $background; }
    Dialog TypeToConfirm { margin: 1 1 0 1; }
    Dialog TextPager { padding: 1 1 0 1; height: 1fr; min-height: 3; }
    Dialog.-low #panel { height: 100%; }
    Dialog.-low TextPager { padding: 0 1; }
    Dialog.-low TypeToConfirm { margin: 0 1; }
    """

    def __init__(self, desk: AppState) -> None:
        super().__init__()
        self.desk = desk
        self._opened_at = desk.session.clock.monotonic()
        self.was_hasty = False
        self.type_out = TypeToConfirm(needed=desk.protected)
        # Held, not looked up: a tick may still come while the screen is taken apart.
        self.reading = TextPager(self.lines)
        self._heading, self._verdict, self._footer = Heading(), ActionHint(), Footer()

    @property
    @abstractmethod
    def key_context(self) -> KeyContext:
        """Where the focus is."""

    @property
    def read_only(self) -> bool:
        """Whether keys that write are off."""
        return self.desk.read_only

    @property
    def in_haste(self) -> bool:
        """Whether the dialog opened only just now."""
        return self.desk.session.clock.monotonic() - self._opened_at < CONFIRM_DELAY_S

    @property
    def is_unseen(self) -> bool:
        """Whether the terminal is too small to show what would be sent: nobody can mean that then."""
        return self.app.size.width < LEAST.width or self.app.size.height < LEAST.height

    def warnings(self) -> Iterator[Span]:
        """Why a confirmation was not taken, or would not be."""
        if self.is_unseen:
            yield TOO_SMALL, "amber"
        elif self.was_hasty:
            yield TOO_FAST, "amber"

    def confirm_too_soon(self) -> bool:
        """Whether a confirmation comes too soon. Each that does begins the wait again: a held key never confirms."""
        self.was_hasty = self.in_haste
        if self.was_hasty:
            self._opened_at = self.desk.session.clock.monotonic()
        return self.was_hasty

    def confirms(self) -> bool:
        """Whether a confirmation may go now. On a protected profile it brings a person to where the word is typed."""
        if self.is_unseen:
            return False
        is_hasty = self.confirm_too_soon()
        self._ask_for_word()
        if not is_hasty and not self.type_out.is_done and self.type_out.word:
            self.type_out.focus()
        return not is_hasty and self.type_out.is_done

    @property
    @abstractmethod
    def confirmation_words(self) -> tuple[str, ...]:
        """What a protected profile wants typed out, each of which will do; none where nothing can be sent yet."""

    @property
    @abstractmethod
    def confirmation_key(self) -> object:
        """What the word is typed for: with another one it is typed anew."""

    @property
    @abstractmethod
    def fields(self) -> list[Widget | None]:
        """What has the keys, in the order of tab; None for the dialog itself."""

    @abstractmethod
    def action_send(self) -> None:
        """Confirm."""

    @abstractmethod
    def title_spans(self) -> Iterable[Span]:
        """What the heading says."""

    @abstractmethod
    def lines(self, width: int) -> Sequence[Line]:
        """What there is to read."""

    @abstractmethod
    def compose_body(self) -> Iterator[Widget]:
        """What stands between heading and verdict."""

    @abstractmethod
    def update_hint(self) -> None:
        """Say what Enter would do now."""

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield self._heading
            yield from self.compose_body()
            if self.type_out.needed:
                yield self.type_out
            yield self._verdict
            yield self._footer

    def on_mount(self) -> None:
        """Say what it is about; whether there is more to read shows once it is laid out."""
        self.refresh_chrome()
        self.call_after_refresh(self.refresh_chrome)
        self.set_interval(AGEING, self.tick)

    def tick(self) -> None:
        """Ages grow, deadlines come near."""
        self.reading.rebuild()

    def on_resize(self) -> None:
        """There may be more to read now, or less; on a low screen blank lines give way to it."""
        self.set_class(self.app.size.height < LOW, "-low")
        self.call_after_refresh(self.refresh_chrome)

    def on_descendant_focus(self) -> None:
        """Other keys matter now."""
        self.refresh_chrome()

    def apply_update(self, update: Update) -> None:
        """The session changed: what Enter would do may have."""
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Heading, verdict and footer, as they are now."""
        self._ask_for_word()
        reading = self.reading
        below = reading.line_count - reading.top - reading.size.height
        reads_on = below > 0 and any(action.id == "read_down" for action in actions_in(self.key_context))
        more: list[Span] = [(f"pgdn: {below} more lines", "accent")] if reads_on else []
        self._heading.show(list(self.title_spans()), more, active=True)
        self.update_hint()
        self._footer.show(actions_in(self.key_context, read_only=self.read_only))

    def set_hint(self, *said: Span) -> None:
        """Say what Enter would do."""
        self._verdict.show(*said)

    def on_text_copied(self, message: TextCopied) -> None:
        """Say where it is: here, as the dialog covers the notices, and there, for later."""
        self.show_message(message.text, message.colour)

    def show_message(self, words: str, colour: str = "amber") -> None:
        """Say something where it is seen, and keep it for later."""
        self.desk.notify(words, colour)
        self.set_hint((one_line(words), colour))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    def on_confirmation_typed(self, typed: ConfirmationTyped) -> None:
        """Where a terminal pastes key by key, all of a page comes in haste: it begins with the first sign."""
        if typed.begins:
            self._opened_at = self.desk.session.clock.monotonic()
        self.refresh_chrome()

    def on_input_submitted(self) -> None:
        """Enter in a line confirms, as it does outside."""
        self.action_send()

    def confirmation_prompt(self) -> Iterator[Span]:
        """What a protected profile wants before Enter does anything."""
        if self.type_out.is_done:
            return
        if self.type_out.was_pasted:
            yield "a paste is not taken. ", "amber"
        yield "first type ", "amber"
        yield display_name(self.type_out.word, self.size.width // 2), "amber strong"
        yield ": ", "amber"

    def action_next_field(self) -> None:
        fields = [*self.fields, *([self.type_out] if self.type_out.needed and self.type_out.display else [])]
        if fields:
            at = next((number for number, field in enumerate(fields) if field is self.focused), 0)
            self.set_focus(fields[(at + 1) % len(fields)])
            self.call_after_refresh(self.refresh_chrome)

    def _ask_for_word(self) -> None:
        if self.type_out.needed:
            self.type_out.ask(self.confirmation_words, self.confirmation_key)

    def action_read_down(self) -> None:
        self.reading.page(1)
        self.refresh_chrome()

    def action_read_up(self) -> None:
        self.reading.page(-1)
        self.refresh_chrome()

    def action_back(self) -> None:
        self.dismiss()
