"""Base of all screens over a session: status bar, error banner, notices, footer, and the keys that act on a run.

Dialog modules are imported when their key is pressed (or by `tui.preload`): the first screen appears sooner.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.actions import gate
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.runs import Delta, Run
from scaicore_tui.runs.deep_link import DeepLink
from scaicore_tui.text import clipboard_text, display_name, editable_json
from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.key_contexts import READING, KeyAction, KeyContext
from scaicore_tui.tui.keymap import bindings, is_write_action, key_name
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
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.screens.panes import run_heading_spans
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.theme import DARK, LIGHT
from scaicore_tui.tui.widgets.bars import ONE_LINE_WIDTH, ErrorBanner, Footer, NoticeBar, StatusBar
from scaicore_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    # Textual reads styles from the first base class that is a widget, so this one must not be a widget.
    _Base = object


# Keys that act on the whole run, not only on its summary.
COMPLETE_RUN_KEYS = frozenset({"R", "Y"})


class ClosingOnce(_Base):
    """Mixin for screens that only ever close themselves. Textual's `dismiss` closes whichever screen is on top."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close this screen if it is on top; do nothing otherwise."""
        return super().dismiss(result) if self.is_in_front else AwaitComplete.nothing()  # type: ignore[no-untyped-call]

    @property
    def is_in_front(self) -> bool:
        """True if this screen is on top and receives keys and clicks."""
        return self.app.screen_stack[-1:] == [self]


class SessionScreen(ClosingOnce, Screen[None], metaclass=AbstractMeta):
    """A screen over a session, live or offline."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(READING)]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    SessionScreen { layout: vertical; overflow: hidden; }
    """

    def __init__(self, state: AppState) -> None:
        super().__init__()
        self.state = state
        # Kept as attributes, not queried: a tick may still arrive while the screen is being removed.
        self._status_bar, self._error_banner = StatusBar(), ErrorBanner()
        self._notice_bar, self._footer = NoticeBar(), Footer()

    @property
    @abstractmethod
    def key_context(self) -> KeyContext:
        """The key context of the focused part."""

    @property
    @abstractmethod
    def active_list(self) -> LineView:
        """The view that movement keys scroll."""

    @property
    @abstractmethod
    def current_run(self) -> Run | None:
        """The run that keys act on."""

    @property
    def current_checkpoint(self) -> Checkpoint | None:
        """The checkpoint that keys act on: that of the current run."""
        return self.state.checkpoint_of(self.current_run)

    @property
    def listed_runs(self) -> RunListModel | None:
        """The runs that are listed, for the keys of a run that go to the next one; None without a list."""
        return None

    @property
    def run_heading_spans(self) -> list[Span]:
        """Return id, status, duration and Core of the current run."""
        pending = self.state.checkpoint_of(self.current_run)
        return run_heading_spans(self.current_run, self.state.now, pending.created if pending is not None else None)

    @property
    def write_context(self) -> gate.WriteContext:
        """The facts that decide what can be written from this screen now."""
        return self.state.session.write_context

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait: it needs the complete run, which is being loaded."""
        run = self.current_run if key in COMPLETE_RUN_KEYS and self.focused is None else None
        return run is not None and run.is_loading

    @property
    def read_only(self) -> bool:
        """True if keys that write are off."""
        return self.state.read_only

    @abstractmethod
    def compose_body(self) -> ComposeResult:
        """Yield the widgets between the error banner and the notice bar."""

    def compose(self) -> ComposeResult:
        yield self._status_bar
        yield self._error_banner
        yield from self.compose_body()
        yield self._notice_bar
        yield self._footer

    def on_mount(self) -> None:
        """Start the periodic tick."""
        self.set_interval(self.state.tick_s, self.tick)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._status_bar.styles.height = 1 if self.app.size.width >= ONE_LINE_WIDTH else 2
        self.refresh_chrome()

    def apply_delta(self, delta: Delta) -> None:
        """Refresh the bars. Updates from the journal are frequent, so the next tick shows those."""
        if not delta.is_loaded:
            self.refresh_chrome()

    def tick(self) -> None:
        """Update everything that depends on the time."""
        self.state.tick()
        self.refresh_chrome()

    def refresh_chrome(self) -> None:
        """Redraw status bar, error banner, notices and footer."""
        status = self.state.status()
        connection, now = status.connection, status.now
        self.set_dimmed(
            runs=connection.is_dimmed(connection.events, now),
            checkpoints=connection.is_dimmed(connection.checkpoints, now),
        )
        self._status_bar.show(status)
        self._error_banner.show(status)
        self._notice_bar.show(self.state.notices.latest, len(self.state.notices))
        self._footer.show(self.footer_actions)

    @property
    def footer_actions(self) -> list[KeyAction]:
        """The actions that the selected row allows."""
        return self.state.allowed_actions(
            self.key_context, self.write_context, self.current_run, self.current_checkpoint
        )

    def refresh_position(self) -> None:
        """Redraw what depends on the cursor of the active list."""
        self.refresh_chrome()

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim stale data: the `runs`, the `checkpoints`."""

    def show_message(self, text: str, colour: str = "text") -> None:
        """Show a notice that disappears by itself."""
        self.state.add_notice(text, colour)
        self.refresh_chrome()

    def show_reason(self, action: str, reason: str) -> None:
        """Show why the key of an action does nothing."""
        self.show_message(f"{self.key_of(action)}: {reason}", "amber")

    def key_of(self, action: str) -> str:
        """Return the name of the first key of an action here, for messages."""
        return key_name(action, self.key_context)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable write actions in a read-only session."""
        return not (self.read_only and is_write_action(action))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked."""
        await self.run_action(request.action_id)

    def action_cursor_down(self) -> None:
        self.active_list.move(1)
        self.refresh_position()

    def action_cursor_up(self) -> None:
        self.active_list.move(-1)
        self.refresh_position()

    def action_page_down(self) -> None:
        self.active_list.page(1)
        self.refresh_position()

    def action_page_up(self) -> None:
        self.active_list.page(-1)
        self.refresh_position()

    def action_first(self) -> None:
        self.active_list.jump(to_end=False)
        self.refresh_position()

    def action_last(self) -> None:
        self.active_list.jump(to_end=True)
        self.refresh_position()

    def open_answer(self, checkpoint: Checkpoint) -> None:
        """Open the answer dialog for `checkpoint`."""
        from scaicore_tui.tui.dialogs.answer import AnswerScreen

        self.app.push_screen(AnswerScreen(self.state, checkpoint, self.answer_sent))

    def answer_sent(self, checkpoint_id: str) -> None:
        """React to a confirmed answer that is about to be sent."""

    def action_answer(self) -> None:
        checkpoint = self.current_checkpoint
        reason = gate.why_not_answer(self.write_context, checkpoint)
        if reason is not None or checkpoint is None:
            self.show_reason("answer", f"{reason}")
        else:
            self.open_answer(checkpoint)

    def action_continue(self) -> None:
        checkpoint = self.current_checkpoint
        reason = gate.why_not_continue(self.write_context, checkpoint)
        if reason is not None or checkpoint is None:
            self.show_reason("continue", f"{reason}")
        elif self.state.protected:
            self.state.drafts.answer(checkpoint.id).resolution = CONTINUE
            self.open_answer(checkpoint)
        else:
            self.post_message(AnswerCheckpoint(checkpoint.id, CONTINUE))

    def action_replay(self) -> None:
        run = self.current_run
        reason = gate.why_not_replay(self.write_context, run, given_input=True)
        if reason is not None or run is None:
            self.show_reason("replay", f"{reason}")
        else:
            from scaicore_tui.tui.dialogs.replay import ReplayScreen

            self.app.push_screen(ReplayScreen(self.state, run))

    def action_write_file(self) -> None:
        chosen = self.runs_to_write
        if not chosen:
            self.show_reason("write_file", "no run is selected")
        else:
            from scaicore_tui.tui.dialogs.file import FileScreen

            self.app.push_screen(FileScreen(self.state, chosen, self.current_run))

    @property
    def runs_to_write(self) -> list[str]:
        """The ids of the runs that are written to a file."""
        run = self.current_run
        return [] if run is None else [run.execution_id]

    def action_compare(self) -> None:
        """Compare the current run with another one."""
        run = self.current_run
        if run is None:
            self.show_reason("compare", "no run is selected")
        else:
            self.open_comparison(run.execution_id)

    def open_comparison(self, execution_id: str) -> None:
        """Open the comparison of a run with the marked one, or with the one that suits it."""
        from scaicore_tui.tui.run_steps_model import RunView
        from scaicore_tui.tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(self.state, execution_id, self.listed_runs, view=RunView.COMPARE))

    def action_inbox(self) -> None:
        self.post_message(OpenInbox())

    def on_text_copied(self, message: TextCopied) -> None:
        """Say where the text was copied to."""
        self.show_message(message.text, message.colour)

    def action_copy(self) -> None:
        label, text = self.copy_id
        if text is None:
            self.show_reason("copy", "nothing is selected")
        else:
            self.app.post_message(CopyText(f"{label} {display_name(text)}", clipboard_text(text)))

    def action_copy_link(self) -> None:
        link = self.link
        if link is None:
            self.show_reason("copy_link", "no run is selected")
        else:
            self.app.post_message(CopyText(f"the link {link}", str(link)))

    @property
    def link(self) -> DeepLink | None:
        """The link to what is selected; None if no run is."""
        run = self.current_run
        return None if run is None else DeepLink(run.execution_id, self.state.session.target.link_profile)

    def action_copy_all(self) -> None:
        label, value = self.copy_json
        if value is None:
            self.show_reason("copy_all", "nothing is selected")
        else:
            self.app.post_message(CopyText(f"{label} as JSON", editable_json(value)))

    @property
    def copy_id(self) -> tuple[str, str | None]:
        """Return label and text of what `y` copies; the text is None if nothing is selected."""
        run = self.current_run
        return "execution id", run.execution_id if run is not None else None

    @property
    def copy_json(self) -> tuple[str, Mapping[str, Any] | None]:
        """Return label and JSON value of what `Y` copies; the value is None if nothing is selected."""
        run = self.current_run
        return "the run", run_document(run) if run is not None else None

    def action_pause(self) -> None:
        self.post_message(PausePolling(not self.state.session.connection.paused))

    def action_refresh_now(self) -> None:
        self.post_message(RefreshNow())

    def action_profile(self) -> None:
        self.post_message(OpenProfiles())

    def action_theme(self) -> None:
        if getattr(self.app, "are_themes_off", False):
            self.show_message(f"{self.key_of('theme')}: the terminal's own colours are in use; themes are off")
            return
        self.app.theme = LIGHT if self.app.current_theme.dark else DARK

    def action_repaint(self) -> None:
        self.post_message(Repaint())

    def action_help(self) -> None:
        from scaicore_tui.tui.dialogs.help import HelpScreen

        self.app.push_screen(HelpScreen(self.state, self.key_context))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_back(self) -> None:
        """Dismiss the newest notice; without one, go back."""
        if self.state.notices.dismiss():
            self.refresh_chrome()
        else:
            self.leave()

    @abstractmethod
    def leave(self) -> None:
        """Go back from this screen."""

    def action_quit(self) -> None:
        self.app.exit(0)
