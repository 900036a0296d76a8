"""The app on a simulated feed and a clock that stands still, so that every screen is reproducible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from textual import events
from textual.app import App
from textual.pilot import Pilot

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.config.target import Color
from scaicore_tui.config.ui import UiTable
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.session.remembered_screen import RememberedScreen
from scaicore_tui.store.shared_ledger import SharedLedger
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.builders import NOON, SECOND
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.token_leaks import MARK

MAX_PAUSES = 400
# The number of tasks that sleep on the clock between two polls.
SLEEPING_POLLERS = 2
WIDE, STANDARD, SMALL = (120, 40), (80, 24), (60, 20)


@dataclass
class Stage:
    """A feed, a clock, and the app that uses them. While `fault` is set, it answers every request.

    `screens` is the file of remembered choices, and `ui` how the app is configured to look.
    """

    sim: FeedSim
    read_only: bool = False
    protected: bool = False
    core: str | None = None
    color: Color | None = None
    ascii_only: bool = False
    fault: Callable[[httpx.Request], httpx.Response] | None = None
    backfill: int = 5_000
    screens: Path | None = None
    ui: UiTable = UiTable()  # noqa: RUF009  (frozen)
    no_colour: bool = False
    team: SharedLedger | None = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON / SECOND + 90))

    def __post_init__(self) -> None:
        target = Target(
            url="http://127.0.0.1:1/api/v1",
            name="staging",
            token=Secret(f"sgk_{MARK}"),
            core=self.core,
            interval=5.0,
            read_only=self.read_only,
            protected=self.protected,
            color=self.color,
            ui=self.ui,
        )
        client = Client(target, httpx.MockTransport(self._answer))
        team = self.team
        self.session = Session(
            target,
            clock=self.clock,
            client=client,
            backfill=self.backfill,
            random_fn=longest_wait,
            open_team_ledger=None if team is None else lambda _: team,
        )
        self.session.screen = RememberedScreen(self.screens, target.title, self.ui)
        self.session.screen.load()
        self.app = DebuggerApp(self.session, ascii_only=self.ascii_only, banner="staging", no_colour=self.no_colour)

    @property
    def screen(self) -> SessionScreen:
        screen = self.app.screen
        assert isinstance(screen, SessionScreen)
        return screen

    @property
    def lines(self) -> list[str]:
        """The screen as text, line by line."""
        return screen_lines(self.app)

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    async def poll(self, pilot: Pilot[int]) -> None:
        """Run the next poll and wait until the screen shows it."""
        requests = len(self.sim.requests)
        before = self.session.connection
        await wait_until(pilot, lambda: self.clock.sleepers >= SLEEPING_POLLERS)
        self.clock.advance(max(0.0, (before.next_at or 0.0) - self.clock.monotonic()))
        await wait_until(
            pilot,
            lambda: self.session.connection.polls + self.session.connection.failures > before.polls + before.failures,
        )
        assert self.fault or len(self.sim.requests) > requests
        await self.settle(pilot)

    async def wait(self, pilot: Pilot[int], seconds: float) -> None:
        """Advance the clock and wait until the screen is up to date."""
        self.clock.advance(seconds)
        await pilot.pause()
        await self.settle(pilot)

    async def settle(self, pilot: Pilot[int]) -> None:
        """Wait until the screen shows the current state."""
        await pilot.pause()
        await wait_until(pilot, self.is_loaded)
        if isinstance(self.app.screen, SessionScreen):
            self.app.screen.tick()
        await pilot.pause()
        await wait_until(pilot, self.is_loaded)
        await pilot.pause()

    def is_loaded(self) -> bool:
        """Return True if nothing is being read from the journal, and no key waits for that."""
        reads = (
            "rows",
            "search",
            "order",
            "events",
            "flow",
            "history of a run",
            "steps",
            "figures",
            "facts",
            "slow",
            "comparison",
        )
        is_reading = any(worker.group.startswith(reads) and not worker.is_finished for worker in self.app.workers)
        return not (is_reading or self.session.index.runs._queued_events or self.app._hold_timer)

    def press_fast(self, *keys: str) -> None:
        """Press keys faster than the app can handle any of them."""
        for key in keys:
            self.app.post_message(events.Key(key, key if len(key) == 1 else {"tab": "\t", "slash": "/"}.get(key)))

    async def click(self, pilot: Pilot[int], text: str, times: int = 1) -> None:
        """Click `times` times on `text`; if the screen shows it more than once, on the lowest one."""
        await pilot.pause()
        lines = screen_lines(self.app)
        row = max(number for number, line in enumerate(lines) if text in line)
        await pilot.click(offset=(lines[row].index(text) + 1, row), times=times)

    def run_line(self, execution_id: str) -> int:
        """Return the line of the screen with the row of a run in the main list."""
        main = self.app.screen
        assert isinstance(main, MainScreen)
        runs, row = main.panes.runs, main.run_list_model.row_of(execution_id)
        assert row is not None, f"{execution_id} is not listed"
        line = runs.region.y + runs.line_of(row) - runs.top
        assert runs.region.y <= line < runs.region.bottom, f"{execution_id} is not visible"
        return line

    async def click_run(self, pilot: Pilot[int], execution_id: str, times: int = 1) -> None:
        """Click `times` times on the row of a run in the main list."""
        await pilot.click(offset=(10, self.run_line(execution_id)), times=times)

    async def paste(self, pilot: Pilot[int], text: str) -> None:
        """Paste as a terminal with bracketed paste does."""
        self.app.post_message(events.Paste(text))
        await pilot.pause()
        await pilot.pause()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.sim.respond(request) if self.fault is None else self.fault(request)

    @asynccontextmanager
    async def opened(self, size: tuple[int, int] = STANDARD) -> AsyncIterator[Pilot[int]]:
        """Run the app; yield once its first poll is shown."""
        async with self.app.run_test(size=size) as pilot:
            await self.wait_for_first_poll(pilot)
            yield patient(pilot, self)

    async def wait_for_first_poll(self, pilot: Pilot[int]) -> None:
        """Wait for the first poll and the backfill."""
        await wait_until(pilot, lambda: self.session.connection.polls + self.session.connection.failures)
        await wait_until(pilot, lambda: self.clock.sleepers >= SLEEPING_POLLERS and not self.session.needs_backfill)
        await self.settle(pilot)


def patient(pilot: Pilot[int], stage: Stage) -> Pilot[int]:
    """Return the pilot: after each key it waits until what was asked from the journal is shown, as a person does."""
    press = pilot.press

    async def press_and_wait(*keys: str) -> None:
        await press(*keys)
        await wait_until(pilot, stage.is_loaded)
        await pilot.pause()

    pilot.press = press_and_wait  # type: ignore[method-assign]
    return pilot


async def wait_until(pilot: Pilot[int], condition: Callable[[], object], turns: int = MAX_PAUSES) -> None:
    """Wait until `condition()` is true."""
    for _ in range(turns):
        if condition():
            return
        await pilot.pause()
    raise AssertionError("the condition was not met:\n" + "\n".join(screen_lines(pilot.app)))


def screen_lines(app: App[Any]) -> list[str]:
    """Return the lines of the screen."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
