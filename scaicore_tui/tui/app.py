"""The Textual app: holds the session and its screens, and carries out the requests that screens post."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual import events
from textual.screen import ModalScreen, Screen

from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.runs import Delta
from scaicore_tui.session import Session
from scaicore_tui.tui.alerts import AlertNotifier
from scaicore_tui.tui.bridge import Bridge
from scaicore_tui.tui.clipboard import copy
from scaicore_tui.tui.editor import Editor
from scaicore_tui.tui.file_requests import FileRequests
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.link_opener import LinkOpener
from scaicore_tui.tui.messages import (
    AnnounceAnswering,
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
from scaicore_tui.tui.palette_app import PaletteApp
from scaicore_tui.tui.preload import preload
from scaicore_tui.tui.profile_switcher import Profiles, ProfileSwitcher
from scaicore_tui.tui.remembering import RememberingApp
from scaicore_tui.tui.run_list_requests import RunListRequests
from scaicore_tui.tui.run_messages import (
    ComparisonNeeded,
    ComparisonRead,
    ContextRead,
    EventsNeeded,
    EventsRead,
    FlowNeeded,
    FlowRead,
    RunHistoryNeeded,
    RunHistoryRead,
)
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.listeners import EventsListener, MessageSink, SessionListener
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.terminal.app import DiffRenderingApp
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS

if TYPE_CHECKING:
    from scaicore_tui.runs.deep_link import DeepLink

# The app's result if a user without any configuration chose the demo.
RUN_DEMO = 64
# The interval at which the displayed ages are refreshed; longer if bandwidth is low.
TICK_S, LOW_BANDWIDTH_TICK_S = 1, 5


class DebuggerApp(
    RunListRequests, FileRequests, LinkOpener, DiffRenderingApp[int], PaletteApp[int], RememberingApp[int]
):
    """The terminal debugger. Without a session it only shows what to configure, and offers the demo."""

    TITLE = "scaicore-tui"
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
        theme: str | None = None,
        link: DeepLink | None = None,
    ) -> None:
        few_colours = no_colour or low_bandwidth
        super().__init__(ansi_color=few_colours or None)
        self._session = session
        self._banner = banner
        self._notice = notice
        self.link_to_open = link
        self._state: AppState | None = None
        self._profile_switcher = ProfileSwitcher(self, profiles)
        self._editor = Editor(self)
        self._notifier = TerminalNotifier(os.environ) if notify else None
        self._alerts: AlertNotifier | None = None
        self._is_preloading = False
        self.animation_level = "none"
        self.set_class(ascii_only, ASCII_CLASS)
        chosen = theme if session is None else session.screen.choices.theme
        self.begin_with_theme(chosen, terminal_only=few_colours)

    def get_default_screen(self) -> Screen[None]:
        if self._session is not None:
            return self._open(self._session)
        from scaicore_tui.tui.dialogs.welcome import WelcomeScreen

        return WelcomeScreen(self._profile_switcher.names())

    def on_mount(self) -> None:
        """Start to poll after the first screen is painted."""
        if self._bridge is not None:
            self.call_after_refresh(self._bridge.start)

    def on_key_activity(self, *, on_key: bool) -> None:
        """Make background work yield while a key is processed."""
        if self._bridge is not None:
            self._bridge.yield_to_ui(to_key=on_key)

    def is_key_held(self, key: events.Key) -> bool:
        """Hold a key that acts on what is being loaded or searched."""
        screen = self.screen
        return isinstance(screen, SessionScreen) and screen.is_waiting_for(key.key)

    def on_session_changed(self, message: SessionChanged) -> None:
        """Apply the update to the state and to every screen that shows the session."""
        if self._state is not None:
            self._state.apply(message.delta)
        self._apply_to_screens(message.delta)
        self.release_keys()
        self.open_link()
        if self._alerts is not None:
            self.send_to_terminal(self._alerts.flush())
        if not self._is_preloading:
            self._is_preloading = True
            self.call_after_refresh(self.run_worker, preload, thread=True)

    def action_demo(self) -> None:
        """Exit with `RUN_DEMO`; the caller then starts the demo."""
        self.exit(RUN_DEMO)

    def on_write_rejected(self, message: WriteRejected) -> None:
        """Show why nothing was sent, until it is dismissed."""
        self._show_notice(message.reason, "red", sticky=True)

    def on_history_loaded(self, message: HistoryLoaded) -> None:
        """Show whether older events were read."""
        self._show_notice(message.problem or "older events read", "amber" if message.problem else "text")

    def on_load_history(self) -> None:
        if self._bridge is not None:
            self._bridge.load_history()

    def on_events_needed(self, request: EventsNeeded) -> None:
        if self._bridge is not None:
            self._bridge.read_events(request)

    def on_events_read(self, message: EventsRead) -> None:
        """Give the events of a run to the screens that show it."""
        for screen in self._run_screens:
            screen.show_events(message)
        self.release_keys()

    def on_flow_needed(self, request: FlowNeeded) -> None:
        if self._bridge is not None:
            self._bridge.find_flow(request)

    def on_flow_read(self, message: FlowRead) -> None:
        """Give the graph of a Core to the screens that show a run of it."""
        for screen in self._run_screens:
            screen.show_flow(message)

    def on_context_read(self, message: ContextRead) -> None:
        """Give what other runs say about a run to the screens that show it."""
        for screen in self._run_screens:
            screen.show_context(message)

    def on_run_history_needed(self, request: RunHistoryNeeded) -> None:
        if self._bridge is not None:
            self._bridge.read_history(request)

    def on_run_history_read(self, message: RunHistoryRead) -> None:
        """Give the events of a run to the screens that show it."""
        for screen in self._run_screens:
            screen.show_history(message)
        self.release_keys()

    def on_comparison_needed(self, request: ComparisonNeeded) -> None:
        if self._bridge is not None:
            self._bridge.compare(request)

    def on_comparison_read(self, message: ComparisonRead) -> None:
        """Give a comparison to the screens that show runs."""
        for screen in self._run_screens:
            screen.show_comparison(message)
        self.release_keys()

    def on_picture_shown(self) -> None:
        self.release_keys()

    def on_open_inbox(self) -> None:
        from scaicore_tui.tui.screens.inbox import InboxScreen

        if self._state is not None and not isinstance(self.screen, InboxScreen):
            self.push_screen(InboxScreen(self._state))

    def on_load_resolved(self) -> None:
        if self._bridge is not None:
            self._bridge.load_resolved()

    def on_resolved_loaded(self, message: ResolvedLoaded) -> None:
        """Show the resolved checkpoints, or the problem that kept them from being read."""
        if self._state is not None:
            self._state.set_resolved(message.checkpoints, message.problem)
            self._apply_to_screens(Delta())

    def on_refresh_now(self) -> None:
        if self._bridge is not None and not self._refuse_offline("refresh_now"):
            key = key_name("refresh_now", KeyContext.RUNS)
            self._show_notice(
                "refreshing" if self._bridge.refresh() else f"{key}: two refreshes are already in progress"
            )

    def on_pause_polling(self, request: PausePolling) -> None:
        if self._bridge is not None and not self._refuse_offline("pause"):
            self._bridge.pause(paused=request.paused)

    def on_answer_checkpoint(self, request: AnswerCheckpoint) -> None:
        if self._bridge is not None:
            self._bridge.answer(request)

    def on_announce_answering(self, request: AnnounceAnswering) -> None:
        if self._bridge is not None:
            self._bridge.announce_answering(request)

    def on_answer_all(self, request: AnswerAll) -> None:
        if self._bridge is not None:
            self._bridge.answer_all(request)

    def on_batch_finished(self, message: BatchFinished) -> None:
        """Record that the batch has ended, and why some answers were not sent, for the result screen."""
        if self._state is not None:
            self._state.end_batch(message.checkpoint_ids, message.stop_reason)
            self._apply_to_screens(Delta())

    def on_replay_run(self, request: ReplayRun) -> None:
        if self._bridge is not None:
            self._bridge.replay(request)

    def on_repaint(self) -> None:
        self.redraw()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy the selected text, if there is any. Textual's own widgets call this."""
        if not text:
            return
        self._clipboard = text
        self.post_message(CopyText("the selection", text))

    def on_copy_text(self, request: CopyText) -> None:
        self.screen.post_message(copy(request, self.send_to_terminal))

    def on_edit_text(self, request: EditText) -> None:
        self._editor.open(request)

    def on_editor_failed(self, message: EditorFailed) -> None:
        """Show why, as a notice that outlasts the dialog."""
        self._show_notice(message.reason, "amber")

    def on_open_profiles(self) -> None:
        if reason := self._profile_switcher.show_profiles():
            self._show_notice(reason, "amber")

    def on_profiles_loaded(self, message: ProfilesLoaded) -> None:
        """Open the list of profiles, unless another dialog was opened meanwhile."""
        from scaicore_tui.tui.dialogs.profiles import ProfilesScreen

        if not isinstance(self.screen, ModalScreen):
            self.push_screen(ProfilesScreen(self._state, message.choices, self._session_name))

    def on_switch_profile(self, request: SwitchProfile) -> None:
        self._show_notice(self._profile_switcher.switch(request.name, self._session_name))

    def on_switch_failed(self, message: SwitchFailed) -> None:
        """Show why the profile could not be opened, until it is dismissed."""
        self._show_notice(f"{key_name('profile', KeyContext.RUNS)}: {message.reason}", "amber", sticky=True)

    async def on_profile_opened(self, message: ProfileOpened) -> None:
        """Park the current session and show the new one. Messages of the old session were queued before this one."""
        if self._bridge is not None and self._state is not None:
            self._profile_switcher.park(self._bridge, self._state)
        self._banner = ""
        main = self._open(message.session)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if not getattr(self.screen, "_result_callbacks", True):
            # `switch_screen` pops a result callback from the old screen, but Textual gives none to the default screen.
            self.screen._push_result_callback(self.screen, None)
        await self.switch_screen(main)
        if self._bridge is not None:
            self._bridge.start()

    def on_other_session_write_changed(self, message: OtherSessionWriteChanged) -> None:
        """Show the progress of a write of a parked session."""
        if self._state is not None:
            self._state.notify_other_session(message.name, message.submission)
            self._apply_to_screens(Delta())

    @property
    def _session_name(self) -> str | None:
        """The name of the open session: its profile, or its host."""
        return None if self._bridge is None else self._bridge.name

    def _open(self, session: Session) -> MainScreen:
        tick_s = LOW_BANDWIDTH_TICK_S if session.target.low_bandwidth else TICK_S
        session.load_runs_in_background()
        self.remember_in(session.screen)
        self._state = AppState(session, self._banner or session.target.title, tick_s)
        self._bridge = Bridge(self, session)
        self._profile_switcher.restore(self._bridge, self._state)
        if self._notifier is not None:
            self._alerts = AlertNotifier(session, self._notifier)
        if self._notice:
            self._state.add_notice(self._notice, "amber", sticky=True)
            self._notice = ""
        return MainScreen(self._state)

    def _show_notice(self, text: str, colour: str = "text", *, sticky: bool = False) -> None:
        if self._state is not None:
            self._state.add_notice(text, colour, sticky=sticky)
            self._apply_to_screens(Delta())
        elif isinstance(welcome := self.screen_stack[0], MessageSink):
            welcome.show_message(text)

    def _refuse_offline(self, action: str) -> bool:
        """Return whether the session is offline, and if so show that the key of `action` does nothing."""
        offline = self._state is not None and self._state.offline
        if offline:
            key = key_name(action, KeyContext.RUNS)
            self._show_notice(f"{key}: offline: a journal is shown, nothing is fetched", "amber")
        return offline

    @property
    def _run_screens(self) -> list[EventsListener]:
        """The open screens that show the events of a run."""
        return [screen for screen in self.screen_stack if isinstance(screen, EventsListener)]

    def _apply_to_screens(self, delta: Delta) -> None:
        """Apply the update to every screen, except one that is not composed yet or already removed (at exit)."""
        for screen in self.screen_stack:
            if isinstance(screen, SessionListener) and screen.is_mounted and screen.children:
                screen.apply_delta(delta)
