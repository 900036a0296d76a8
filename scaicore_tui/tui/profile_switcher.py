"""Opens another profile while the current session continues. The app decides which session is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from textual.app import App

from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.text import sanitize
from scaicore_tui.tui.bridge import Bridge
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import ProfileOpened, ProfilesLoaded, SwitchFailed
from scaicore_tui.tui.notices import Notices
from scaicore_tui.tui.state import AppState, Drafts


class Profiles(Protocol):
    """Lists profiles and opens sessions on them."""

    def list_profiles(self) -> Sequence[ProfileInfo]:
        """Return all profiles. Blocks. Raises ConfigError."""

    async def open(self, name: str) -> Session:
        """Open a session on the profile `name`. Raises ScaicoreError; nothing stays open then."""


class ParkedSession(NamedTuple):
    """A session that was left. Its drafts and notices are restored when it is opened again."""

    bridge: Bridge
    drafts: Drafts
    notices: Notices


class ProfileSwitcher:
    """Opens one profile at a time, and keeps the parked sessions. `profiles` is None if there are none."""

    def __init__(self, app: App[int], profiles: Profiles | None) -> None:
        self._app = app
        self._profiles = profiles
        self._parked: dict[str, ParkedSession] = {}
        self._is_opening = False

    def names(self) -> tuple[str, ...]:
        """Return the names of all profiles. Raises ConfigError."""
        return tuple(profile.name for profile in (self._profiles.list_profiles() if self._profiles is not None else ()))

    def show_profiles(self) -> str:
        """Read the profiles and post `ProfilesLoaded`. Returns why that is impossible, or an empty text."""
        if self._profiles is None:
            return f"{_key()}: there are no profiles to switch to"
        self._app.run_worker(self._load(self._profiles), group="profiles", exclusive=True)
        return ""

    def switch(self, name: str, current: str | None) -> str:
        """Open a profile and post `ProfileOpened`. Returns the notice: it is being opened, or why not."""
        if name == current:
            return f"{_key()}: {sanitize(name)} is open already"
        if name in self._parked and self._parked[name].bridge.is_open:
            return f"{_key()}: {sanitize(name)} still waits for the response to a write"
        if self._profiles is not None and not self._is_opening:
            self._is_opening = True
            self._app.run_worker(self._open(self._profiles, name), group="profile")
        return f"opening {sanitize(name)}…"

    def park(self, bridge: Bridge, state: AppState) -> None:
        """Close a session once its writes have ended, and keep its drafts and notices."""
        bridge.detach()
        self._parked[bridge.name] = ParkedSession(bridge, state.drafts, state.notices)

    def restore(self, bridge: Bridge, state: AppState) -> None:
        """Give `state` the drafts and notices of the parked session with the same name, if there is one."""
        if (parked := self._parked.get(bridge.name)) is not None:
            state.drafts, state.notices = parked.drafts, parked.notices

    async def _load(self, profiles: Profiles) -> None:
        try:
            loaded = await asyncio.to_thread(profiles.list_profiles)
        except ScaicoreError as error:
            self._app.post_message(SwitchFailed(sanitize(str(error))))
        else:
            self._app.post_message(ProfilesLoaded(tuple(loaded)))

    async def _open(self, profiles: Profiles, name: str) -> None:
        try:
            session = await profiles.open(name)
            await asyncio.to_thread(session.screen.load)
        except ScaicoreError as error:
            self._app.post_message(SwitchFailed(f"cannot open {sanitize(name)}: {sanitize(str(error))}"))
        else:
            self._app.post_message(ProfileOpened(session))
        finally:
            self._is_opening = False


def _key() -> str:
    return key_name("profile", KeyContext.RUNS)
