"""Makes the pictures in `screenshots/` from the app, on the demo's servers: `python -m tests.screenshots [NAME …]`."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from msgspec.structs import replace
from textual.pilot import Pilot

from scaicore_tui.actions import Progress
from scaicore_tui.cli.commands.demo import demo_process
from scaicore_tui.config import Target
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.session import Session
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.bulk import BulkScreen
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.fault_injector import Fault, FaultyProxy, faulty_proxy

FOLDER = Path(__file__).parents[1] / "screenshots"
SEED, RATE = 7, 6.0
FEW_FAILED = 3
# How many are answered at once, and which of them somebody else answers first.
SEVERAL, TOO_LATE = 4, 2
EXPENSES = "core_expense-approval"
TRIP = {"employee": "Ada Okoye", "purpose": "Train to the customer", "currency": "EUR", "receipts": 2}
SIZES = ((120, 40), (80, 24))
SECONDS = 60.0
A_GLANCE = 0.05
# A dialog takes no confirmation for a moment after it opened, and nodes wait for as long for the cursor.
HASTE = 0.4


@dataclass
class Stage:
    """The app on the demo, with a wire between them that a scene may break."""

    pilot: Pilot[int]
    session: Session
    wire: FaultyProxy

    @property
    def selected(self) -> Run:
        """The run that keys act on."""
        screen = self.pilot.app.screen
        assert isinstance(screen, SessionScreen)
        assert screen.current_run is not None
        return screen.current_run

    @property
    def reviewed(self) -> set[str]:
        """The runs that wait for a review."""
        pending = (row for row in self.session.checkpoints if not row.is_breakpoint)
        return {row.execution_id for row in pending if row.execution_id and row.execution_id in self.session.index.runs}

    async def press_until(self, key: str, fact: Callable[[], object]) -> None:
        """Press `key` as often as it takes."""
        async with asyncio.timeout(SECONDS):
            while not fact():
                await self.pilot.press(key)

    async def until(self, fact: Callable[[], object]) -> None:
        """Let the app work until `fact` holds."""
        async with asyncio.timeout(SECONDS):
            while not fact():
                await self.pilot.pause(A_GLANCE)

    async def came_to(self, progress: Progress) -> None:
        """Let the app work until the latest write came to `progress`."""
        sent = self.session.submitter.submissions
        await self.until(lambda: sent and list(sent)[-1].progress is progress)


Scene = Callable[[Stage], Awaitable[None]]


async def main_screen(stage: Stage) -> None:
    """Runs, and the nodes of the one that came furthest before it had to wait for a review."""
    runs = stage.session.index.runs
    furthest = max(stage.reviewed, key=lambda execution_id: len(runs[execution_id].nodes))
    await stage.press_until("j", lambda: stage.selected.execution_id == furthest)


async def answer_dialog(stage: Stage) -> None:
    """The dialog of a review with a form, with an option chosen."""
    await stage.until(lambda: expenses(stage.session))
    with_form = {row.execution_id for row in stage.session.checkpoints if row.id in expenses(stage.session)}
    await stage.press_until("j", lambda: stage.selected.execution_id in with_form & stage.reviewed)
    await stage.pilot.press("a")
    await stage.until(lambda: isinstance(stage.pilot.app.screen, AnswerScreen))
    await stage.pilot.press("1")


async def failed_run(stage: Stage) -> None:
    """A failed run's own view."""
    await stage.press_until("e", lambda: stage.selected.status is RunStatus.FAILED)
    await stage.pilot.press("enter")
    await stage.until(lambda: isinstance(stage.pilot.app.screen, RunScreen))


async def failed_runs(stage: Stage) -> None:
    """The list of failed runs, with the nodes of the newest one."""
    await stage.until(
        lambda: sum(run.status is RunStatus.FAILED for run in stage.session.index.runs.values()) >= FEW_FAILED
    )
    await stage.pilot.press("v", "g")


async def inbox(stage: Stage) -> None:
    """The inbox with the most urgent checkpoint selected."""
    await stage.until(lambda: expenses(stage.session))
    await stage.pilot.press("i")


async def unknown_outcome(stage: Stage) -> None:
    """An answer that was lost on its way."""
    stage.wire.fault = Fault.DROP_BEFORE
    await answer_dialog(stage)
    await confirm(stage)
    await stage.came_to(Progress.UNKNOWN)


async def conflict(stage: Stage) -> None:
    """Somebody else was faster, while the answer was on its way."""
    stage.wire.on_post = lambda: answer_elsewhere(stage)
    await answer_dialog(stage)
    await confirm(stage)
    await stage.came_to(Progress.CONFLICT)


async def several(stage: Stage) -> None:
    """What came of several answers, of which one was too late and one is not known."""
    client = stage.session.client
    await asyncio.gather(*(client.invoke(EXPENSES, {**TRIP, "amount": 400 + 90 * number}) for number in range(SEVERAL)))
    stage.wire.posts.clear()
    await stage.until(lambda: len(expenses(stage.session)) >= SEVERAL)
    await stage.pilot.press("i", "/", *"expense", "enter")
    for _ in range(SEVERAL):
        await stage.pilot.press("space", "j")
    fates = iter((Fault.NONE, Fault.NONE, Fault.DROP_BEFORE, Fault.NONE))

    def next_fate() -> None:
        stage.wire.fault = next(fates)
        if len(stage.wire.posts) == TOO_LATE:
            answer_elsewhere(stage)

    stage.wire.on_post = next_fate
    await stage.pilot.press("a")
    await stage.until(lambda: isinstance(stage.pilot.app.screen, BulkScreen))
    await stage.pilot.press("1", "s")
    await confirm(stage)
    await stage.until(lambda: stage.session.submitter.submissions)
    await stage.until(lambda: len(stage.wire.posts) == SEVERAL)
    await stage.until(lambda: counted(stage)[Progress.CONFIRMED] == SEVERAL - 2)


SCENES: dict[str, Scene] = {
    "main": main_screen,
    "answer": answer_dialog,
    "run": failed_run,
    "failed": failed_runs,
    "inbox": inbox,
    "unknown": unknown_outcome,
    "conflict": conflict,
    "several": several,
}


async def confirm(stage: Stage) -> None:
    """Press enter, once the dialog takes it."""
    await stage.pilot.pause(HASTE)
    await stage.pilot.press("enter")


def expenses(session: Session) -> list[str]:
    """The checkpoints of expenses that wait for a review."""
    return [row.id for row in session.checkpoints if row.core_id == EXPENSES and row.checkpoint_type == "hitl_review"]


def counted(stage: Stage) -> Counter[Progress]:
    """How many writes came to what."""
    return Counter(submission.progress for submission in stage.session.submitter.submissions)


def answer_elsewhere(stage: Stage) -> None:
    """Reject, from another machine as it were, what is being answered."""
    target = stage.session.target
    assert target.token is not None
    headers = {"Authorization": f"Bearer {target.token.reveal()}"}
    answer = httpx.post(f"{stage.wire.upstream}{stage.wire.path}", json={"resolution": "reject"}, headers=headers)
    answer.raise_for_status()


async def picture(target: Target, scene: Scene, size: tuple[int, int]) -> str:
    """One scene, as SVG."""
    parts = urlsplit(target.url)
    async with faulty_proxy(f"{parts.scheme}://{parts.netloc}") as wire:
        session = Session(replace(target, url=f"{wire.url}{parts.path}"))
        app = DebuggerApp(session, banner="demo")
        async with app.run_test(size=size) as pilot:
            stage = Stage(pilot, session, wire)
            await stage.until(lambda: session.connection.polls and session.checkpoints and not session.needs_backfill)
            await scene(stage)
            # The nodes follow a cursor that rests.
            await pilot.pause(HASTE)
            drawn = app.export_screenshot(title="scaicore-tui demo")
    # Not every viewer keeps the blanks at the beginning of a text unless it is told to.
    return drawn.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main() -> None:
    """Make those that are named, or else all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENES:
        for size in SIZES:
            # Scenes change what they show: each has a demo of its own.
            with demo_process(SEED, RATE) as target:
                drawn = asyncio.run(picture(target, SCENES[name], size))
            (FOLDER / f"{name}-{size[0]}x{size[1]}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
