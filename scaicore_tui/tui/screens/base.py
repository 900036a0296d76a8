"""What the main screen and a run's own view have in common: status, notices, footer, and the keys that act on a run.

Screens that are opened by a key are loaded by it, or by `tui.ahead` before: the first one is up sooner without them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.runs import Run
from scaicore_tui.session import Update
from scaicore_tui.text import clipboard_text, display_name, editable_json
from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.keymap import READING, KeyContext, actions_in, bindings, is_write_action
from scaicore_tui.tui.messages import (
    AnswerCheckpoint,
    CopyText,
    InvokeKeyAction,
    OpenInbox,
    OpenProfiles,
    PausePolling,
    RefreshNow,
    Repaint,
    TextCopied,
)
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.screens.panes import run_heading
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.theme import DARK, LIGHT, TERMINAL
from scaicore_tui.tui.widgets.bars import ONE_LINE_WIDTH, ErrorBanner, Footer, NoticeBar, StatusBar
from scaicore_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    # Textual looks for styles in the first base that is a widget: this must be none.
    _Base = object


class ClosingOnce(_Base):
    """Closes only itself. Textual's own takes away whichever screen is in front, and its result with it."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close this screen, if it is in front."""
        return super().dismiss(result) if self.is_in_front else AwaitComplete.nothing()  # type: ignore[no-untyped-call]

    @property
    def is_in_front(self) -> bool:
        """Whether this is the screen that keys and clicks go to."""
        return self.app.screen_stack[-1:] == [self]


@runtime_checkable
class SessionListener(Protocol):
    """A screen that is told what changed."""

    def apply_update(self, update: Update) -> None:
        """The session changed."""


@runtime_checkable
class MessageSink(Protocol):
    """A screen that says something, also before there is a session."""

    def show_message(self, words: str) -> None:
        """Say something that somebody above has to say."""


class SessionScreen(ClosingOnce, Screen[None], metaclass=AbstractMeta):
    """A screen over a live session."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(READING)]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    SessionScreen { layout: vertical; overflow: hidden; }
    """

    def __init__(self, desk: AppState) -> None:
        super().__init__()
        self.desk = desk
        # Held, not looked up: a tick may still come while the screen is taken apart.
        self._status, self._trouble, self._notice, self._footer = StatusBar(), ErrorBanner(), NoticeBar(), Footer()

    @property
    @abstractmethod
    def key_context(self) -> KeyContext:
        """Where the focus is."""

    @property
    @abstractmethod
    def active_list(self) -> LineView:
        """What the keys move through."""

    @property
    @abstractmethod
    def current_run(self) -> Run | None:
        """The run that keys act on."""

    @property
    def current_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that keys act on: the run's own."""
        return self.desk.checkpoint_of(self.current_run)

    @property
    def heading_of_run(self) -> list[Span]:
        """What the run at hand is, and how long it has been that."""
        pending = self.desk.checkpoint_of(self.current_run)
        return run_heading(self.current_run, self.desk.now, pending.created if pending is not None else None)

    @property
    def read_only(self) -> bool:
        """Whether keys that write are off."""
        return self.desk.read_only

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """What stands between the status bar and the notices."""

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._trouble
        yield from self.compose_body()
        yield self._notice
        yield self._footer

    def on_mount(self) -> None:
        """Time passes."""
        self.set_interval(self.desk.tick_s, self.tick)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._status.styles.height = 1 if self.app.size.width >= ONE_LINE_WIDTH else 2
        self.refresh_chrome()

    def apply_update(self, update: Update) -> None:
        """The session changed. Of runs that are only loaded the next tick tells: there are many such updates."""
        if not update.from_journal:
            self.refresh_chrome()

    def tick(self) -> None:
        """Some time passed."""
        self.desk.tick()
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Status bar, notices and footer, as they are now."""
        standing = self.desk.status()
        link, now = standing.connection, standing.now
        self.set_dimmed(runs=link.is_dimmed(link.events, now), waiting=link.is_dimmed(link.checkpoints, now))
        self._status.show(standing)
        self._trouble.show(standing)
        self._notice.show(self.desk.notices.latest, len(self.desk.notices))
        self._footer.show(actions_in(self.key_context, read_only=self.read_only))

    def set_dimmed(self, *, runs: bool, waiting: bool) -> None:
        """Draw faintly what was true long ago: of the runs, and of what waits."""

    def show_message(self, words: str, colour: str = "text") -> None:
        """Say something that needs no answer."""
        self.desk.notify(words, colour)
        self.refresh_chrome()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only unbinds what writes."""
        return not (self.read_only and is_write_action(action))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    def action_cursor_down(self) -> None:
        self.active_list.move(1)
        self.refresh_chrome()

    def action_cursor_up(self) -> None:
        self.active_list.move(-1)
        self.refresh_chrome()

    def action_page_down(self) -> None:
        self.active_list.page(1)
        self.refresh_chrome()

    def action_page_up(self) -> None:
        self.active_list.page(-1)
        self.refresh_chrome()

    def action_first(self) -> None:
        self.active_list.go(to_end=False)
        self.refresh_chrome()

    def action_last(self) -> None:
        self.active_list.go(to_end=True)
        self.refresh_chrome()

    def open_answer(self, checkpoint: Checkpoint) -> None:
        """Open the dialog that answers `checkpoint`."""
        from scaicore_tui.tui.dialogs.answer import AnswerScreen

        self.app.push_screen(AnswerScreen(self.desk, checkpoint, self.answer_sent))

    def answer_sent(self, checkpoint_id: str) -> None:
        """An answer to that checkpoint was confirmed, and goes out."""

    def action_answer(self) -> None:
        checkpoint = self.current_checkpoint
        reason = self.desk.why_not_answer(checkpoint)
        if reason is not None or checkpoint is None:
            self.show_message(f"a: {reason}", "amber")
        else:
            self.open_answer(checkpoint)

    def action_continue(self) -> None:
        checkpoint = self.current_checkpoint
        reason = self.desk.why_not_continue(checkpoint)
        if reason is not None or checkpoint is None:
            self.show_message(f"c: {reason}", "amber")
        elif self.desk.protected:
            self.desk.drafts.answer(checkpoint.id).resolution = CONTINUE
            self.open_answer(checkpoint)
        else:
            self.post_message(AnswerCheckpoint(checkpoint.id, CONTINUE))

    def action_replay(self) -> None:
        run = self.current_run
        reason = self.desk.why_not_replay(run, given_input=True)
        if reason is not None or run is None:
            self.show_message(f"R: {reason}", "amber")
        else:
            from scaicore_tui.tui.dialogs.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(self.desk, run))

    def action_inbox(self) -> None:
        self.post_message(OpenInbox())

    def on_text_copied(self, message: TextCopied) -> None:
        """Say where it is."""
        self.show_message(message.text, message.colour)

    def action_copy(self) -> None:
        what, identity = self.copy_id
        if identity is None:
            self.show_message("y: nothing is selected", "amber")
        else:
            self.app.post_message(CopyText(f"{what} {display_name(identity)}", clipboard_text(identity)))

    def action_copy_all(self) -> None:
        what, value = self.copy_json
        if value is None:
            self.show_message("Y: nothing is selected", "amber")
        else:
            self.app.post_message(CopyText(f"{what} as JSON", editable_json(value)))

    @property
    def copy_id(self) -> tuple[str, str | None]:
        """What `y` copies: what it is, and its text."""
        run = self.current_run
        return "execution id", run.execution_id if run is not None else None

    @property
    def copy_json(self) -> tuple[str, dict[str, Any] | None]:
        """What `Y` copies: what it is, and a JSON value."""
        run = self.current_run
        return "the run", run_document(run) if run is not None else None

    def action_pause(self) -> None:
        self.post_message(PausePolling(not self.desk.session.connection.paused))

    def action_refresh_now(self) -> None:
        self.post_message(RefreshNow())

    def action_profile(self) -> None:
        self.post_message(OpenProfiles())

    def action_theme(self) -> None:
        if self.app.theme == TERMINAL:
            self.show_message("t: the colours are the terminal's own")
            return
        self.app.theme = LIGHT if self.app.theme != LIGHT else DARK

    def action_repaint(self) -> None:
        self.post_message(Repaint())

    def action_help(self) -> None:
        from scaicore_tui.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.key_context, read_only=self.read_only))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_back(self) -> None:
        """Dismiss the notice that stands; else go back."""
        if self.desk.notices.dismiss():
            self.refresh_chrome()
        else:
            self.leave()

    @abstractmethod
    def leave(self) -> None:
        """Where Escape goes when nothing is to be dismissed."""

    def action_quit(self) -> None:
        self.app.exit(0)
