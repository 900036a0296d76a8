"""Two profiles, each with a simulated API, for an app that switches between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from textual.pilot import Pilot

from scaicore_tui.actions import Ledger
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.config.target import Color
from scaicore_tui.config.ui import UiTable
from scaicore_tui.errors import Conflict, ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.session.remembered_screen import RememberedScreen
from scaicore_tui.store import Journal
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.dialogs.profiles import ProfilesScreen
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import STANDARD, screen_lines, wait_until
from tests.support.builders import NOON, SECOND, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.scene import REVIEW, busy_feed

STAGING, PROD = "staging", "prod"


class ProfileApi:
    """The API of one profile. While `held` is an unset event, only pending checkpoints are served."""

    def __init__(self, sim: FeedSim) -> None:
        self.sim = sim
        self.requests: list[str] = []
        self.held: asyncio.Event | None = None

    async def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.method)
        held = self.held
        if request.url.params.get("status") != "pending" and held is not None:
            await held.wait()
        if request.method != "POST":
            return self.sim.respond(request)
        return httpx.Response(200, json={"data": {**REVIEW, "status": "resolved", "resolution": "approve"}})


class ProfileSet:
    """Two profiles, each with an API and a journal of its own."""

    def __init__(self, folder: Path) -> None:
        self.apis = {STAGING: ProfileApi(busy_feed()), PROD: ProfileApi(FeedSim([started(execution="exec_prod")]))}
        self.clock = ManualClock(NOON / SECOND + 90)
        self.open_error: ScaicoreError | None = None
        self.ledger = Ledger(folder / "ledger.jsonl")
        self._folder = folder

    def list_profiles(self) -> Sequence[ProfileInfo]:
        return [
            ProfileInfo(STAGING, "https://staging.example"),
            ProfileInfo(PROD, "https://prod.example", color=Color.RED),
        ]

    async def open(self, name: str) -> Session:
        if self.open_error is not None:
            raise self.open_error
        return self.session(name)

    def session(self, name: str) -> Session:
        color = Color.RED if name == PROD else None
        target = Target(url=f"http://127.0.0.1:1/{name}", name=name, color=color, is_url_from_profile=True)
        client = Client(target, httpx.MockTransport(self.apis[name].respond))
        session = Session(target, self.journal(name), self.clock, client=client, ledger=self.ledger)
        session.screen = self.screen(name)
        return session

    def screen(self, name: str) -> RememberedScreen:
        """Return the remembered choices of a profile."""
        return RememberedScreen(self._folder / "screens.json", name, UiTable())

    def journal(self, name: str) -> Journal:
        """Open the journal. Raises Conflict if it is open elsewhere."""
        return Journal.open(self._folder / name)


@asynccontextmanager
async def open_app(profiles: ProfileSet) -> AsyncIterator[Pilot[int]]:
    """Run the app on staging; yield once it shows a run."""
    app = DebuggerApp(profiles.session(STAGING), profiles=profiles)
    async with app.run_test(size=STANDARD) as pilot:
        await wait_until(pilot, lambda: "exec_8f21c4" in shown_text(pilot))
        yield pilot


def shown_text(pilot: Pilot[int]) -> str:
    screen = pilot.app.screen
    if isinstance(screen, SessionScreen):
        screen.tick()
    return "\n".join(screen_lines(pilot.app))


def session_of(pilot: Pilot[int]) -> Session:
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen.state.session


async def choose_profile(pilot: Pilot[int], name: str) -> None:
    """Choose that profile in the dialog."""
    await pilot.press("P")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, ProfilesScreen))
    await pilot.press("g" if name == STAGING else "G", "enter")
    await wait_until(pilot, lambda: not isinstance(pilot.app.screen, ProfilesScreen))


async def switch_profile(pilot: Pilot[int], name: str) -> None:
    await choose_profile(pilot, name)
    await wait_until(pilot, lambda: session_of(pilot).target.name == name)


async def wait_until_closed(pilot: Pilot[int], profiles: ProfileSet, name: str) -> None:
    """Wait until the journal of that profile is closed."""

    def is_free() -> bool:
        try:
            profiles.journal(name).close()
        except Conflict:
            return False
        return True

    await wait_until(pilot, is_free)
