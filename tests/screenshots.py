"""Makes the pictures in `screenshots/` from the app itself, on the demo's servers: `python -m tests.screenshots`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from scaicore_tui.cli.demo import demo_process
from scaicore_tui.config import Target
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.session import Session
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.screens.answer import AnswerScreen
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.detail import DetailScreen

FOLDER = Path(__file__).parents[1] / "screenshots"
SEED, RATE = 7, 6.0
SIZES = ((120, 40), (80, 24))
SECONDS = 60.0
A_GLANCE = 0.05

Scene = Callable[[Pilot[int], Session], Awaitable[None]]


async def main_screen(pilot: Pilot[int], session: Session) -> None:
    """Runs, and the nodes of the one that came furthest before it had to wait for a review."""
    furthest = max(reviewed(session), key=lambda execution_id: len(session.book.runs[execution_id].nodes))
    await press_until(pilot, "j", lambda: selected(pilot).execution_id == furthest)


async def answer_dialog(pilot: Pilot[int], session: Session) -> None:
    """The dialog, with an option chosen."""
    await press_until(pilot, "j", lambda: selected(pilot).execution_id in reviewed(session))
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, AnswerScreen))
    await pilot.press("1")


async def failed_run(pilot: Pilot[int], session: Session) -> None:
    """A failed run's own view."""
    await press_until(pilot, "e", lambda: selected(pilot).status is RunStatus.FAILED)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, DetailScreen))


SCENES: dict[str, Scene] = {"main": main_screen, "answer": answer_dialog, "run": failed_run}


def reviewed(session: Session) -> set[str]:
    """The runs that wait for a review."""
    pending = (row for row in session.checkpoints if not row.is_breakpoint)
    return {row.execution_id for row in pending if row.execution_id and row.execution_id in session.book.runs}


def selected(pilot: Pilot[int]) -> Run:
    """The run that keys act on."""
    screen = pilot.app.screen
    assert isinstance(screen, SessionScreen)
    assert screen.run_at_hand is not None
    return screen.run_at_hand


async def press_until(pilot: Pilot[int], key: str, fact: Callable[[], object]) -> None:
    """Press `key` as often as it takes."""
    async with asyncio.timeout(SECONDS):
        while not fact():
            await pilot.press(key)


async def until(pilot: Pilot[int], fact: Callable[[], object]) -> None:
    """Let the app work until `fact` holds."""
    async with asyncio.timeout(SECONDS):
        while not fact():
            await pilot.pause(A_GLANCE)


async def picture(target: Target, scene: Scene, size: tuple[int, int]) -> str:
    """One scene, as SVG."""
    session = Session(target)
    app = DebuggerApp(session, banner="demo")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: session.link.polls and session.checkpoints and not session.wants_history)
        await scene(pilot, session)
        await pilot.pause()
        drawn = app.export_screenshot(title="scaicore-tui demo")
    # Not every viewer keeps the blanks at the beginning of a text unless it is told to.
    return drawn.replace("<svg ", '<svg xml:space="preserve" ', 1)


async def make(target: Target) -> None:
    """All scenes in all sizes, each on a fresh app."""
    for name, scene in SCENES.items():
        for width, height in SIZES:
            drawn = await picture(target, scene, (width, height))
            (FOLDER / f"{name}-{width}x{height}.svg").write_text(drawn, encoding="utf-8")


def main() -> None:
    """Make them."""
    FOLDER.mkdir(exist_ok=True)
    with demo_process(SEED, RATE) as target:
        asyncio.run(make(target))


if __name__ == "__main__":
    main()
