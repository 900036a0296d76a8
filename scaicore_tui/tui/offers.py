"""Reads what the palette offers, and saves views. Awaits the session for the bridge; files are read in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from scaicore_tui.config import config_file
from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.config.views import SavedView
from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.text import sanitize
from scaicore_tui.tui.palette_messages import OffersRead, RunsOffered
from scaicore_tui.tui.query_messages import SaveView, ViewSaved

# Runs that the palette offers.
MAX_OFFERED_RUNS = 20


class Offers:
    """Cores, runs and saved views of a session. `post` gets a message with what was read."""

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self._session = session
        self._post = post

    async def read(self) -> None:
        """Post the Cores that exist, and the saved views."""
        cores = await self._session.queries.count_values("core")
        self._post(OffersRead(cores, await asyncio.to_thread(read_views)))

    async def read_runs(self, words: tuple[str, ...]) -> None:
        """Post the newest runs that have these words; nothing if the journal cannot be read."""
        session = self._session
        try:
            positions = await session.queries.newest_with(words, MAX_OFFERED_RUNS)
        except ScaicoreError:
            return
        await session.reader.load_rows([position for position in positions if session.index.at(position) is None])
        found = map(session.index.at, positions)
        self._post(RunsOffered(words, [summary for summary in found if summary is not None]))

    async def save_view(self, request: SaveView) -> None:
        """Write a view into the configuration file, and post what came of it."""
        from scaicore_tui.config.view_file import ViewExists, save_view

        try:
            await asyncio.to_thread(save_view, config_file(), request.name, request.view, replace=request.replace)
        except ScaicoreError as error:
            is_known = isinstance(error, ViewExists)
            self._post(ViewSaved(request.name, {}, sanitize(str(error)), is_known))
        else:
            self._post(ViewSaved(request.name, await asyncio.to_thread(read_views)))


def read_views() -> dict[str, SavedView]:
    """Return the views of the configuration file; none if it cannot be read. Blocks."""
    try:
        return read_profiles(config_file()).views
    except ConfigError:
        return {}
