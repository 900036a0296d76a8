"""Some viewers in one process: `python -m tests.bench.team.viewers URL JOURNAL COUNT FILE`.

Each is the session of an app. When standard input closes, FILE gets for each viewer the times, in seconds of the
monotonic clock, at which it showed more events, and how many.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from scaicore_tui.clock import SystemClock
from scaicore_tui.config import Target
from scaicore_tui.config.journal_url import JournalUrl, parse_journal
from scaicore_tui.runs import Delta
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.hosting import stdin_closed
from scaicore_tui.session.opening import open_viewer
from scaicore_tui.session.viewer import ViewerSession


class _Shown:
    """Keeps when a session showed how many events."""

    def __init__(self, session: ViewerSession) -> None:
        self.rows: list[tuple[float, int]] = []
        self._session = session
        self._clock = SystemClock()
        session.subscribe(self._changed)

    def _changed(self, delta: Delta) -> None:
        count = self._session.index.event_count
        if not self.rows or count > self.rows[-1][1]:
            self.rows.append((self._clock.monotonic(), count))


async def watch(url: str, journal: str, count: int) -> list[list[tuple[float, int]]]:
    """Run viewers until standard input closes; return what each showed."""
    location = parse_journal(journal)
    assert isinstance(location, JournalUrl)
    target = Target(url=url, name="viewer", token=Secret("sk-team"))
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(open_viewer(target, location)) for _ in range(count)]
        shown = [_Shown(session) for session in sessions]
        tasks = [asyncio.create_task(session.run()) for session in sessions]
        await stdin_closed()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [one.rows for one in shown]


if __name__ == "__main__":
    found = asyncio.run(watch(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    Path(sys.argv[4]).write_text(json.dumps(found))
