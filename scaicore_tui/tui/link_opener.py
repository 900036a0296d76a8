"""The part of the app that opens the run of a link, as soon as that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.errors import NotFound, ScaicoreError
from scaicore_tui.text import display_name
from scaicore_tui.tui.bridge import Bridge, start_worker
from scaicore_tui.tui.key_queue import KeyQueueApp
from scaicore_tui.tui.state import AppState

if TYPE_CHECKING:
    from scaicore_tui.runs.deep_link import DeepLink


class LinkOpener(KeyQueueApp[int]):
    """Opens the run that the app was started for."""

    # The link that is still to be opened; None if there is none.
    link_to_open: DeepLink | None = None
    # Of the session that is open; None without one.
    _bridge: Bridge | None = None
    _state: AppState | None = None
    _is_finding = False

    def open_link(self) -> None:
        """Look for the run of the link, unless it is looked for already. Called after each change of the session."""
        if self.link_to_open is not None and self._state is not None and not self._is_finding:
            self._is_finding = True
            start_worker(self, self._open_link, "link")

    async def _open_link(self) -> None:
        from scaicore_tui.tui.screens.run import RunScreen

        link, state = self.link_to_open, self._state
        if link is None or state is None:
            return
        session = state.session
        # Asked for before the search: what arrives meanwhile is searched again.
        is_read = session.connection.polls > 0 and not session.needs_backfill
        is_known = bool(session.index.counts.total()) if session.target.offline else is_read
        try:
            run = await session.find_run(link.execution_id)
            await session.reader.load_ids([run.execution_id])
        except NotFound as error:
            if is_known:
                self._refuse(f"{error}")
        except ScaicoreError as error:
            self._refuse(f"{error}")
        else:
            self.link_to_open = None
            self.push_screen(RunScreen(state, run.execution_id, link=link))
        finally:
            self._is_finding = False

    def _refuse(self, reason: str) -> None:
        """Say why the run is not opened. The main screen shows what there is."""
        link, self.link_to_open = self.link_to_open, None
        if self._state is not None and link is not None:
            self._state.add_notice(f"{display_name(str(link))}: {reason}", "amber", sticky=True)
