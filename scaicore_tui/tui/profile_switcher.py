"""Opens another profile beside the one that is open. Which of the two goes on is for the app to say."""

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
from scaicore_tui.tui.messages import ProfileOpened, ProfilesLoaded, SwitchFailed
from scaicore_tui.tui.notices import Notices
from scaicore_tui.tui.state import AppState, Drafts


class Profiles(Protocol):
    """Where profiles and their sessions come from."""

    def list_profiles(self) -> Sequence[ProfileInfo]:
        """All that there are. Raises ConfigError."""

    async def open(self, name: str) -> Session:
        """A session on one of them. Raises ScaicoreError; nothing is open then."""


class ParkedSession(NamedTuple):
    """A session that was left: what was begun in it, and what it said, is there again when it is opened again."""

    bridge: Bridge
    drafts: Drafts
    notices: Notices


class ProfileSwitcher:
    """One at a time. Without `profiles` there is nothing to choose from."""

    def __init__(self, app: App[int], profiles: Profiles | None) -> None:
        self._app = app
        self._profiles = profiles
        self._left: dict[str, ParkedSession] = {}
        self._is_opening = False

    def names(self) -> tuple[str, ...]:
        """What there is to choose from. Raises ConfigError."""
        return tuple(choice.name for choice in (self._profiles.list_profiles() if self._profiles is not None else ()))

    def show_profiles(self) -> str:
        """Read what there is to choose from; why not, where there is nothing."""
        if self._profiles is None:
            return "P: there are no profiles here"
        self._app.run_worker(self._offer(self._profiles), group="profiles", exclusive=True)
        return ""

    def switch(self, name: str, current: str | None) -> str:
        """Open a profile beside the `current` one; what to say of that, or why not."""
        if name == current:
            return f"P: {sanitize(name)} is open already"
        if name in self._left and self._left[name].bridge.is_open:
            return f"P: {sanitize(name)} still waits for the answer to a write"
        if self._profiles is not None and not self._is_opening:
            self._is_opening = True
            self._app.run_worker(self._open(self._profiles, name), group="profile")
        return f"opening {sanitize(name)}…"

    def park(self, bridge: Bridge, desk: AppState) -> None:
        """Close a session, after the writes that are under way, and keep what was begun in it."""
        bridge.detach()
        self._left[bridge.name] = ParkedSession(bridge, desk.drafts, desk.notices)

    def restore(self, bridge: Bridge, desk: AppState) -> None:
        """Go on with what was begun when the session of that name was left."""
        if (left := self._left.get(bridge.name)) is not None:
            desk.drafts, desk.notices = left.drafts, left.notices

    async def _offer(self, profiles: Profiles) -> None:
        try:
            found = await asyncio.to_thread(profiles.list_profiles)
        except ScaicoreError as error:
            self._app.post_message(SwitchFailed(sanitize(str(error))))
        else:
            self._app.post_message(ProfilesLoaded(tuple(found)))

    async def _open(self, profiles: Profiles, name: str) -> None:
        try:
            session = await profiles.open(name)
        except ScaicoreError as error:
            self._app.post_message(SwitchFailed(f"{sanitize(name)} can't be opened: {sanitize(str(error))}"))
        else:
            self._app.post_message(ProfileOpened(session))
        finally:
            self._is_opening = False
