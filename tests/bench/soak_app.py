"""The app through a simulated day with faults, with a person who opens every screen again and again."""

from __future__ import annotations

import tempfile
from itertools import cycle
from pathlib import Path

from textual.pilot import Pilot

from scaicore_tui.session import Session
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.screens.base import SessionScreen
from tests.bench.day import Day
from tests.bench.soak import Sample, open_resources, pass_time, session_on, traced_bytes
from tests.bench.troubled import FaultyServer
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock

# Keys that open and close each screen and dialog.
KEYS = (
    *("j", "j", "k", "enter", "escape", "i", "escape", "v", "a", "escape", "question_mark", "escape", "R", "escape"),
    *("e", "G", "g", "tab", "slash", "x", "escape", "escape", "y"),
)
KEY_INTERVAL_S = 15.0


async def run_day(seconds: float) -> list[Sample]:
    """Run the app through a day of `seconds`; return a sample for each pass through all screens."""
    with tempfile.TemporaryDirectory() as name:
        day = Day(ManualClock(NOON / SECOND), Path(name), seconds)
        session = session_on(FaultyServer(day), day, Path(name), None)
        app = DebuggerApp(session)
        samples: list[Sample] = []
        async with app.run_test(size=(100, 30)) as pilot:
            keys = cycle(KEYS)
            while day.clock.monotonic() < seconds:
                for _, key in zip(KEYS, keys, strict=False):
                    await _press(pilot, session, day, key)
                samples.append(await _sample(pilot, session, day))
        day.close()
    return samples


async def _press(pilot: Pilot[int], session: Session, day: Day, key: str) -> None:
    await pass_time(session, day, day.clock.monotonic() + KEY_INTERVAL_S)
    await pilot.press(key)
    if isinstance(pilot.app.screen, SessionScreen):
        pilot.app.screen.tick()


async def _sample(pilot: Pilot[int], session: Session, day: Day) -> Sample:
    """Take a sample with only the main screen open."""
    while len(pilot.app.screen_stack) > 1:
        await pilot.press("escape")
    await pilot.pause()
    tasks, descriptors = open_resources()
    runs = len(session.index.order)
    return Sample(day.clock.monotonic(), traced_bytes(), runs, tasks, descriptors, 0.0)
