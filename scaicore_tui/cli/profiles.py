"""Opens sessions on the profiles that are chosen in the app."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.sessions import flags_of, target_of, tell_unknown, watching
from scaicore_tui.config import Flags, settle
from scaicore_tui.config.choices import Choice, choices
from scaicore_tui.errors import ConfigError

if TYPE_CHECKING:
    from scaicore_tui.session import Session


class ProfileSessions:
    """What the command line said goes on to hold for them, but where the API is and what is kept where. With `closing`
    they are closed at the latest."""

    def __init__(self, common: Common, closing: AsyncExitStack) -> None:
        self._common = replace(common, journal=None)
        self._closing = closing

    def choices(self) -> Sequence[Choice]:
        """The profiles there are now. Raises ConfigError where the file makes no sense."""
        return choices()

    async def open(self, name: str) -> Session:
        """A session on a profile, with a token. Raises what keeps it from that; nothing is open then."""
        session = await asyncio.to_thread(self._open, name)
        try:
            await session.authenticate()
        except BaseException:
            await session.close()
            raise
        self._closing.callback(tell_unknown, session)
        self._closing.push_async_exit(session)
        return session

    def _open(self, name: str) -> Session:
        said = flags_of(self._common)
        kept = Flags(profile=name, interval=said.interval, read_only=said.read_only, low_bandwidth=said.low_bandwidth)
        target = target_of(settle(kept, by_hand=True))
        if target is None:
            raise ConfigError(f"profile {name} says no url")
        return watching(self._common, target)
