"""The app: one session, its screens, and the bridge between them. Grants the requests that screens post."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.screen import ModalScreen, Screen

from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.session import Session, Update
from scaicore_tui.tui.alerts import AlertNotifier
from scaicore_tui.tui.bridge import Bridge
from scaicore_tui.tui.clipboard import copy
from scaicore_tui.tui.editor import Editor
from scaicore_tui.tui.key_queue import KeyQueueApp
from scaicore_tui.tui.keymap import KeyContext, is_write_key
from scaicore_tui.tui.messages import (
    AnswerAll,
    AnswerCheckpoint,
    BatchFinished,
    CopyText,
    EditorFailed,
    EditText,
    HistoryLoaded,
    OtherSessionWriteChanged,
    PausePolling,
    ProfileOpened,
    ProfilesLoaded,
    ReplayRun,
    ResolvedLoaded,
    SessionChanged,
    SwitchFailed,
    SwitchProfile,
    WriteRejected,
)
from scaicore_tui.tui.preload import preload
from scaicore_tui.tui.profile_switcher import Profiles, ProfileSwitcher
from scaicore_tui.tui.screens.base import MessageSink, SessionListener
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.terminal.app import DiffRenderingApp, came_in_burst
from scaicore_tui.tui.theme import DARK, TERMINAL, THEMES
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS

if TYPE_CHECKING:
    from textual.command import Provider

# What the app returns where a person without any configuration asked for the demo.
RUN_DEMO = 64
# Seconds between two ticks; and where each is dear.
TICK_S, LOW_BANDWIDTH_TICK_S = 1, 5


def _actions() -> type[Provider]:
    from scaicore_tui.tui.palette import ActionProvider

    return ActionProvider


class DebuggerApp(DiffRenderingApp[int], KeyQueueApp[int]):
    """The terminal debugger. Without a session it can only say what to set, and offer the demo."""

    TITLE = "scaicore-tui"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_actions}
    CSS = """
    Screen { background: $background; color: $foreground; }
    """

    def __init__(
        self,
        session: Session | None,
        *,
        ascii_only: bool = False,
        banner: str = "",
        no_colour: bool = False,
        low_bandwidth: bool = False,
        notify: bool = False,
        profiles: Profiles | None = None,
        notice: str = "",
    ) -> None:
        few_colours = no_colour or low_bandwidth
        super().__init__(ansi_color=few_colours or None)
        self._session = session
        self._banner = banner
        self._notice = notice
        self._bridge: Bridge | None = None
        self._desk: AppState | None = None
        self._switching = ProfileSwitcher(self, profiles)
        self._editor = Editor(self)
        self._bell = TerminalNotifier(os.environ) if notify else None
        self._caller: AlertNotifier | None = None
        self._is_complete = False
        self.animation_level = "none"
        self.set_class(ascii_only, ASCII_CLASS)
        for theme in THEMES:
            self.register_theme(theme)
        if few_colours:
            self.theme = TERMINAL
        else:
            # Before there is a screen, nothing need be styled anew.
            self.set_reactive(DebuggerApp.theme, DARK)
            self.stylesheet.set_variables(self.get_css_variables())

    def get_default_screen(self) -> Screen[None]:
        if self._session is not None:
            return self._open(self._session)
        from scaicore_tui.tui.dialogs.welcome import WelcomeScreen

        return WelcomeScreen(self._switching.names())

    def action_command_palette(self) -> None:
        """Everything by name."""
        from scaicore_tui.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def on_mount(self) -> None:
        """Read on once the first screen is painted: it need not wait for that."""
        if self._bridge is not None:
            self.call_after_refresh(self._bridge.start)

    def on_key_activity(self, *, on_key: bool) -> None:
        """What works beside the screen gives way to a key."""
        if self._bridge is not None:
            self._bridge.yield_to_ui(to_key=on_key)

    def is_key_refused(self, key: events.Key) -> bool:
        """Refuse a key that writes and came together with an escape sequence; where it is typed it is only text."""
        place, focused = getattr(self.screen, "key_context", None), self.focused
        is_typed = focused is not None and focused.check_consume_key(key.key, key.character)
        if is_typed or not came_in_burst(key):
            return False
        if not (is_write_key(place, key.key) if isinstance(place, KeyContext) else key.key == "enter"):
            return False
        words = f"{key.key}: not taken, as it came together with an escape sequence: press it again"
        if isinstance(self.screen, MessageSink):
            self.screen.show_message(words)
        return True

    def on_session_changed(self, message: SessionChanged) -> None:
        """Hand the one update to every screen that follows the session."""
        if self._desk is not None:
            self._desk.apply(message.update)
        self._tell(message.update)
        if self._caller is not None:
            self.send_to_terminal(self._caller.flush())
        if not self._is_complete:
            self._is_complete = True
            self.call_after_refresh(self.run_worker, preload, thread=True)

    def action_demo(self) -> None:
        """Leave that to whoever started the app."""
        self.exit(RUN_DEMO)

    def on_write_rejected(self, message: WriteRejected) -> None:
        """Nothing was sent: say why, until it is dismissed."""
        self._say(message.reason, "red", sticky=True)

    def on_history_loaded(self, message: HistoryLoaded) -> None:
        """Say whether older events came."""
        self._say(message.problem or "older events read", "amber" if message.problem else "text")

    def on_load_history(self) -> None:
        if self._bridge is not None:
            self._bridge.load_history()

    def on_open_inbox(self) -> None:
        from scaicore_tui.tui.screens.inbox import InboxScreen

        if self._desk is not None and not isinstance(self.screen, InboxScreen):
            self.push_screen(InboxScreen(self._desk))

    def on_load_resolved(self) -> None:
        if self._bridge is not None:
            self._bridge.load_resolved()

    def on_resolved_loaded(self, message: ResolvedLoaded) -> None:
        """Keep what came, with its time; what was read before stays where nothing did."""
        if self._desk is not None:
            self._desk.set_resolved(message.checkpoints, message.problem)
            self._tell(Update())

    def on_refresh_now(self) -> None:
        if self._bridge is not None and not self._stays_offline("r"):
            self._say("asking now" if self._bridge.refresh() else "r: two fetches are under way already")

    def on_pause_polling(self, request: PausePolling) -> None:
        if self._bridge is not None and not self._stays_offline("p"):
            self._bridge.pause(paused=request.paused)

    def on_answer_checkpoint(self, request: AnswerCheckpoint) -> None:
        if self._bridge is not None:
            self._bridge.answer(request)

    def on_answer_all(self, request: AnswerAll) -> None:
        if self._bridge is not None:
            self._bridge.answer_all(request)

    def on_batch_finished(self, message: BatchFinished) -> None:
        """Keep why some were not sent, for whoever tells what came of each."""
        if self._desk is not None:
            self._desk.end_batch(message.checkpoint_ids, message.stop_reason)
            self._tell(Update())

    def on_replay_run(self, request: ReplayRun) -> None:
        if self._bridge is not None:
            self._bridge.replay(request)

    def on_repaint(self) -> None:
        self.redraw()

    def copy_to_clipboard(self, text: str) -> None:
        """What was selected in a line or a text, if anything; Textual's own widgets call this."""
        if not text:
            return
        self._clipboard = text
        self.post_message(CopyText("what was selected", text))

    def on_copy_text(self, request: CopyText) -> None:
        self.screen.post_message(copy(request, self.send_to_terminal))

    def on_edit_text(self, request: EditText) -> None:
        self._editor.open(request)

    def on_editor_failed(self, message: EditorFailed) -> None:
        """Say why, also once the dialog that says it is left."""
        self._say(message.reason, "amber")

    def on_open_profiles(self) -> None:
        if words := self._switching.show_profiles():
            self._say(words, "amber")

    def on_profiles_loaded(self, message: ProfilesLoaded) -> None:
        """Show them, unless something else was opened meanwhile."""
        from scaicore_tui.tui.dialogs.profiles import ProfilesScreen

        if not isinstance(self.screen, ModalScreen):
            self.push_screen(ProfilesScreen(message.choices, self._name_of_open))

    def on_switch_profile(self, request: SwitchProfile) -> None:
        self._say(self._switching.switch(request.name, self._name_of_open))

    def on_switch_failed(self, message: SwitchFailed) -> None:
        """Say why, until it is dismissed."""
        self._say(f"P: {message.reason}", "amber", sticky=True)

    async def on_profile_opened(self, message: ProfileOpened) -> None:
        """Leave the one session for the other. What the first one has said is in the queue before this."""
        if self._bridge is not None and self._desk is not None:
            self._switching.park(self._bridge, self._desk)
        self._banner = ""
        main = self._open(message.session)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if not getattr(self.screen, "_result_callbacks", True):
            # Textual takes one from each screen that is replaced, and gives none to the one that it begins with.
            self.screen._push_result_callback(self.screen, None)
        await self.switch_screen(main)
        if self._bridge is not None:
            self._bridge.start()

    def on_other_session_write_changed(self, message: OtherSessionWriteChanged) -> None:
        """Tell what came of a write of a session that was left."""
        if self._desk is not None:
            self._desk.notify_other_session(message.name, message.submission)
            self._tell(Update())

    @property
    def _name_of_open(self) -> str | None:
        """What is open: a profile's name, or a host."""
        return None if self._bridge is None else self._bridge.name

    def _open(self, session: Session) -> MainScreen:
        pace = LOW_BANDWIDTH_TICK_S if session.target.low_bandwidth else TICK_S
        self._desk = AppState(session, self._banner or session.target.title, pace)
        self._bridge = Bridge(self, session)
        self._switching.restore(self._bridge, self._desk)
        if self._bell is not None:
            self._caller = AlertNotifier(session, self._bell)
        if self._notice:
            self._desk.notify(self._notice, "amber", sticky=True)
            self._notice = ""
        return MainScreen(self._desk)

    def _say(self, words: str, colour: str = "text", *, sticky: bool = False) -> None:
        if self._desk is not None:
            self._desk.notify(words, colour, sticky=sticky)
            self._tell(Update())
        elif isinstance(welcome := self.screen_stack[0], MessageSink):
            welcome.show_message(words)

    def _stays_offline(self, key: str) -> bool:
        """Whether nothing is ever asked for: then that is said."""
        offline = self._desk is not None and self._desk.offline
        if offline:
            self._say(f"{key}: offline, a journal is shown: nothing is asked for", "amber")
        return offline

    def _tell(self, update: Update) -> None:
        """Tell every screen, but one that is not composed yet, or was taken apart already: the app is ending."""
        for screen in self.screen_stack:
            if isinstance(screen, SessionListener) and screen.is_mounted and screen.children:
                screen.apply_update(update)
