"""Calls whoever left the app open and looks elsewhere: by the terminal's bell and notices."""

from __future__ import annotations

from scaicore_tui.bell import Bell
from scaicore_tui.runs.attention import Attention
from scaicore_tui.session import Session, Update


class Caller:
    """Of one session. What it knew when both the feed and the checkpoints were first read calls nobody."""

    def __init__(self, session: Session, bell: Bell) -> None:
        self._session = session
        self._bell = bell
        self._attention = Attention()
        session.subscribe(self._heard)

    def call(self) -> str:
        """What to write to the terminal now; empty where nobody is called."""
        return self._bell.ring(self._session.clock.monotonic())

    def _heard(self, update: Update) -> None:
        """Counted when it happens, as it then is known whether it was the first look."""
        failed, waiting = self._attention.take(self._session.book, update.runs, self._session.checkpoints)
        if self._session.link.polls:
            self._bell.count(failed, waiting)
