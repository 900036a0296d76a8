"""What the main screen and a run's own view have in common: status, notices, footer, and the keys that act on a run.

Screens that are opened by a key are loaded by it, or by `tui.ahead` before: the first one is up sooner without them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.runs import Run, run_document
from scaicore_tui.session import Update
from scaicore_tui.text import named, portable, source
from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.actions import READING, Place, actions_at, bindings, writes
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.messages import (
    AnswerCheckpoint,
    CopyText,
    OpenInbox,
    OpenProfiles,
    PaintAgain,
    PausePolling,
    RefreshNow,
    RunAction,
    TextCopied,
)
from scaicore_tui.tui.paint import Piece
from scaicore_tui.tui.screens.closing import ClosingOnce
from scaicore_tui.tui.screens.panes import run_heading
from scaicore_tui.tui.theme import DARK, LIGHT, TERMINAL
from scaicore_tui.tui.widgets.footer import Footer
from scaicore_tui.tui.widgets.lines import Lines
from scaicore_tui.tui.widgets.notice_bar import NoticeBar
from scaicore_tui.tui.widgets.status_bar import ONE_LINE_WIDTH, StatusBar, Trouble
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.checkpoints import CONTINUE


class SessionScreen(ClosingOnce, Screen[None], metaclass=AbstractMeta):
    """A screen over a live session."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(READING)]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    SessionScreen { layout: vertical; overflow: hidden; }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        # Held, not looked up: a tick may still come while the screen is taken apart.
        self._status, self._trouble, self._notice, self._footer = StatusBar(), Trouble(), NoticeBar(), Footer()

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where the focus is."""

    @property
    @abstractmethod
    def front(self) -> Lines:
        """What the keys move through."""

    @property
    @abstractmethod
    def run_at_hand(self) -> Run | None:
        """The run that keys act on."""

    @property
    def checkpoint_at_hand(self) -> Checkpoint | None:
        """The checkpoint that keys act on: the run's own."""
        return self.desk.pending_of(self.run_at_hand)

    @property
    def heading_of_run(self) -> list[Piece]:
        """What the run at hand is, and how long it has been that."""
        pending = self.desk.pending_of(self.run_at_hand)
        return run_heading(self.run_at_hand, self.desk.now, pending.created if pending is not None else None)

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
        self.set_interval(self.desk.pace, self.tick)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._status.styles.height = 1 if self.app.size.width >= ONE_LINE_WIDTH else 2
        self.show_frame()

    def follow(self, update: Update) -> None:
        """The session changed. Of runs that are only loaded the next tick tells: there are many such updates."""
        if not update.from_journal:
            self.show_frame()

    def tick(self) -> None:
        """Some time passed."""
        self.desk.tick()
        self.show_frame()

    def show_frame(self) -> None:
        """Status bar, notices and footer, as they are now."""
        standing = self.desk.standing()
        link, now = standing.link, standing.now
        self.fade(runs=link.is_faded(link.events, now), waiting=link.is_faded(link.checkpoints, now))
        self._status.show(standing)
        self._trouble.show(standing)
        self._notice.show(self.desk.notices.latest, len(self.desk.notices))
        self._footer.show(actions_at(self.place, read_only=self.read_only))

    def fade(self, *, runs: bool, waiting: bool) -> None:
        """Draw faintly what was true long ago: of the runs, and of what waits."""

    def say(self, words: str, colour: str = "text") -> None:
        """Say something that needs no answer."""
        self.desk.say(words, colour)
        self.show_frame()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only unbinds what writes."""
        return not (self.read_only and writes(action))

    async def on_run_action(self, request: RunAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    def action_cursor_down(self) -> None:
        self.front.move(1)
        self.show_frame()

    def action_cursor_up(self) -> None:
        self.front.move(-1)
        self.show_frame()

    def action_page_down(self) -> None:
        self.front.page(1)
        self.show_frame()

    def action_page_up(self) -> None:
        self.front.page(-1)
        self.show_frame()

    def action_first(self) -> None:
        self.front.go(to_end=False)
        self.show_frame()

    def action_last(self) -> None:
        self.front.go(to_end=True)
        self.show_frame()

    def open_answer(self, checkpoint: Checkpoint) -> None:
        """Open the dialog that answers `checkpoint`."""
        from scaicore_tui.tui.screens.answer import AnswerScreen

        self.app.push_screen(AnswerScreen(self.desk, checkpoint, self.answer_sent))

    def answer_sent(self, checkpoint_id: str) -> None:
        """An answer to that checkpoint was confirmed, and goes out."""

    def action_answer(self) -> None:
        checkpoint = self.checkpoint_at_hand
        reason = self.desk.why_not_answer(checkpoint)
        if reason is not None or checkpoint is None:
            self.say(f"a: {reason}", "amber")
        else:
            self.open_answer(checkpoint)

    def action_continue(self) -> None:
        checkpoint = self.checkpoint_at_hand
        reason = self.desk.why_not_continue(checkpoint)
        if reason is not None or checkpoint is None:
            self.say(f"c: {reason}", "amber")
        elif self.desk.protected:
            self.desk.drafts.answer(checkpoint.id).resolution = CONTINUE
            self.open_answer(checkpoint)
        else:
            self.post_message(AnswerCheckpoint(checkpoint.id, CONTINUE))

    def action_replay(self) -> None:
        run = self.run_at_hand
        reason = self.desk.why_not_replay(run, given_input=True)
        if reason is not None or run is None:
            self.say(f"R: {reason}", "amber")
        else:
            from scaicore_tui.tui.screens.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(self.desk, run))

    def action_inbox(self) -> None:
        self.post_message(OpenInbox())

    def on_text_copied(self, message: TextCopied) -> None:
        """Say where it is."""
        self.say(message.words, message.colour)

    def action_copy(self) -> None:
        what, identity = self.id_at_hand
        if identity is None:
            self.say("y: nothing is selected", "amber")
        else:
            self.app.post_message(CopyText(f"{what} {named(identity)}", portable(identity)))

    def action_copy_all(self) -> None:
        what, value = self.all_at_hand
        if value is None:
            self.say("Y: nothing is selected", "amber")
        else:
            self.app.post_message(CopyText(f"{what} as JSON", source(value)))

    @property
    def id_at_hand(self) -> tuple[str, str | None]:
        """What `y` copies: what it is, and its text."""
        run = self.run_at_hand
        return "execution id", run.execution_id if run is not None else None

    @property
    def all_at_hand(self) -> tuple[str, dict[str, Any] | None]:
        """What `Y` copies: what it is, and a JSON value."""
        run = self.run_at_hand
        return "the run", run_document(run) if run is not None else None

    def action_pause(self) -> None:
        self.post_message(PausePolling(not self.desk.session.link.paused))

    def action_refresh_now(self) -> None:
        self.post_message(RefreshNow())

    def action_profile(self) -> None:
        self.post_message(OpenProfiles())

    def action_theme(self) -> None:
        if self.app.theme == TERMINAL:
            self.say("t: the colours are the terminal's own")
            return
        self.app.theme = LIGHT if self.app.theme != LIGHT else DARK

    def action_repaint(self) -> None:
        self.post_message(PaintAgain())

    def action_help(self) -> None:
        from scaicore_tui.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.place, read_only=self.read_only))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_back(self) -> None:
        """Dismiss the notice that stands; else go back."""
        if self.desk.notices.dismiss():
            self.show_frame()
        else:
            self.leave()

    @abstractmethod
    def leave(self) -> None:
        """Where Escape goes when nothing is to be dismissed."""

    def action_quit(self) -> None:
        self.app.exit(0)
