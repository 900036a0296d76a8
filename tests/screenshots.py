"""Draws the pictures in `screenshots/` with the app and the demo's servers: `python -m tests.screenshots [NAME …]`."""

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
from tests.support.app_stage import screen_lines
from tests.support.fault_injector import Fault, FaultyProxy, faulty_proxy

FOLDER = Path(__file__).parents[1] / "screenshots"
SEED, RATE = 7, 6.0
MIN_FAILED_RUNS = 3
# The number of checkpoints in a bulk answer, and which of them is answered elsewhere first.
BULK_COUNT, CONFLICT_NUMBER = 4, 2
EXPENSES = "core_expense-approval"
TRIP = {"employee": "Ada Okoye", "purpose": "Train to the customer", "currency": "EUR", "receipts": 2}
# A Core of the demo with a failed run and others that completed.
COMPARED_CORE = "core_support-triage"
SIZES = ((120, 40), (80, 24))
TIMEOUT_S = 60.0
PAUSE_S = 0.05
# For this time after it opened, a dialog accepts no confirmation. The nodes are shown after the cursor rested as long.
CONFIRM_DELAY_S = 0.4


@dataclass
class Stage:
    """The app connected to the demo through a proxy that can inject faults."""

    pilot: Pilot[int]
    session: Session
    proxy: FaultyProxy

    @property
    def selected(self) -> Run:
        """The selected run."""
        screen = self.pilot.app.screen
        assert isinstance(screen, SessionScreen)
        assert screen.current_run is not None
        return screen.current_run

    @property
    def reviewed(self) -> set[str]:
        """The ids of the runs that wait for a review."""
        pending = (row for row in self.session.checkpoints if not row.is_breakpoint)
        return {row.execution_id for row in pending if row.execution_id and self.session.index.get(row.execution_id)}

    async def press_until(self, key: str, condition: Callable[[], object]) -> None:
        """Press `key` until `condition` is met."""
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                await self.pilot.press(key)

    async def wait_until(self, condition: Callable[[], object]) -> None:
        """Let the app work until `condition` is met."""
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                await self.pilot.pause(PAUSE_S)

    async def wait_for_progress(self, progress: Progress) -> None:
        """Let the app work until the latest write has this progress."""
        submissions = self.session.submitter.submissions
        await self.wait_until(lambda: submissions and list(submissions)[-1].progress is progress)


Scene = Callable[[Stage], Awaitable[None]]


async def main_screen(stage: Stage) -> None:
    """Show the runs, and the nodes of the run with the most nodes that waits for a review."""
    runs = stage.session.index.runs
    furthest = max(stage.reviewed, key=lambda execution_id: len(runs[execution_id].nodes))
    await stage.press_until("j", lambda: stage.selected.execution_id == furthest)


async def answer_dialog(stage: Stage) -> None:
    """Show the dialog of a review with a form and a chosen option."""
    await stage.wait_until(lambda: expenses(stage.session))
    with_form = {row.execution_id for row in stage.session.checkpoints if row.id in expenses(stage.session)}
    await stage.press_until("j", lambda: stage.selected.execution_id in with_form & stage.reviewed)
    await stage.pilot.press("a")
    await stage.wait_until(lambda: isinstance(stage.pilot.app.screen, AnswerScreen))
    await stage.pilot.press("1")


async def failed_run(stage: Stage) -> None:
    """Show the view of a failed run."""
    await stage.press_until("e", lambda: stage.selected.status is RunStatus.FAILED)
    await stage.pilot.press("enter")
    await stage.wait_until(lambda: isinstance(stage.pilot.app.screen, RunScreen))


async def compared_run(stage: Stage) -> None:
    """Show a failed run beside one that worked, with the first difference and its values."""
    await stage.press_until("e", lambda: stage.selected.core_id == COMPARED_CORE)
    await stage.pilot.press("d")
    await stage.wait_until(lambda: "first difference:" in "\n".join(screen_lines(stage.pilot.app)))


async def failed_runs(stage: Stage) -> None:
    """Show the list of failed runs, with the nodes of the newest one."""
    await stage.wait_until(lambda: stage.session.index.counts[RunStatus.FAILED] >= MIN_FAILED_RUNS)
    await stage.pilot.press("v", "g")


async def inbox(stage: Stage) -> None:
    """Show the inbox with the most urgent checkpoint selected."""
    await stage.wait_until(lambda: expenses(stage.session))
    await stage.pilot.press("i")


async def unknown_outcome(stage: Stage) -> None:
    """Show an answer whose outcome is unknown, since the request was dropped."""
    stage.proxy.fault = Fault.DROP_BEFORE
    await answer_dialog(stage)
    await confirm(stage)
    await stage.wait_for_progress(Progress.UNKNOWN)


async def conflict(stage: Stage) -> None:
    """Show an answer that conflicts with one sent from elsewhere."""
    stage.proxy.on_post = lambda: answer_elsewhere(stage)
    await answer_dialog(stage)
    await confirm(stage)
    await stage.wait_for_progress(Progress.CONFLICT)


async def bulk_results(stage: Stage) -> None:
    """Show the results of a bulk answer: one conflict, one unknown outcome, the others confirmed."""
    client = stage.session.client
    await asyncio.gather(
        *(client.invoke(EXPENSES, {**TRIP, "amount": 400 + 90 * number}) for number in range(BULK_COUNT))
    )
    stage.proxy.posts.clear()
    await stage.wait_until(lambda: len(expenses(stage.session)) >= BULK_COUNT)
    await stage.pilot.press("i", "/", *"expense", "enter")
    for _ in range(BULK_COUNT):
        await stage.pilot.press("space")
    faults = iter((Fault.NONE, Fault.NONE, Fault.DROP_BEFORE, Fault.NONE))

    def next_fault() -> None:
        stage.proxy.fault = next(faults)
        if len(stage.proxy.posts) == CONFLICT_NUMBER:
            answer_elsewhere(stage)

    stage.proxy.on_post = next_fault
    await stage.pilot.press("a")
    await stage.wait_until(lambda: isinstance(stage.pilot.app.screen, BulkScreen))
    await stage.pilot.press("1", "s")
    await confirm(stage)
    await stage.wait_until(lambda: stage.session.submitter.submissions)
    await stage.wait_until(lambda: len(stage.proxy.posts) == BULK_COUNT)
    await stage.wait_until(lambda: count_by_progress(stage)[Progress.CONFIRMED] == BULK_COUNT - 2)


SCENES: dict[str, Scene] = {
    "main": main_screen,
    "answer": answer_dialog,
    "run": failed_run,
    "failed": failed_runs,
    "compare": compared_run,
    "inbox": inbox,
    "unknown": unknown_outcome,
    "conflict": conflict,
    "several": bulk_results,
}


async def confirm(stage: Stage) -> None:
    """Press enter after the confirmation delay."""
    await stage.pilot.pause(CONFIRM_DELAY_S)
    await stage.pilot.press("enter")


def expenses(session: Session) -> list[str]:
    """Return the ids of the expense checkpoints that wait for a review."""
    return [row.id for row in session.checkpoints if row.core_id == EXPENSES and row.checkpoint_type == "hitl_review"]


def count_by_progress(stage: Stage) -> Counter[Progress]:
    """Return the number of writes with each progress."""
    return Counter(submission.progress for submission in stage.session.submitter.submissions)


def answer_elsewhere(stage: Stage) -> None:
    """Reject the checkpoint that is being answered, as if from another machine."""
    target = stage.session.target
    assert target.token is not None
    headers = {"Authorization": f"Bearer {target.token.reveal()}"}
    response = httpx.post(f"{stage.proxy.upstream}{stage.proxy.path}", json={"resolution": "reject"}, headers=headers)
    response.raise_for_status()


async def draw_scene(target: Target, scene: Scene, size: tuple[int, int]) -> str:
    """Return a scene as SVG."""
    parts = urlsplit(target.url)
    async with faulty_proxy(f"{parts.scheme}://{parts.netloc}") as proxy:
        session = Session(replace(target, url=f"{proxy.url}{parts.path}"))
        app = DebuggerApp(session, banner="demo")
        async with app.run_test(size=size) as pilot:
            stage = Stage(pilot, session, proxy)
            await stage.wait_until(
                lambda: session.connection.polls and session.checkpoints and not session.needs_backfill
            )
            # The figures of the last hour are read once the first runs are known.
            await stage.wait_until(lambda: "in 60 min" in "\n".join(screen_lines(app)))
            await scene(stage)
            # Until the nodes of the selected run are shown.
            await pilot.pause(CONFIRM_DELAY_S)
            svg = app.export_screenshot(title="scaicore-tui demo")
    # Without this attribute, some viewers drop the blanks at the beginning of a text.
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def main() -> None:
    """Draw the named pictures, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENES:
        for size in SIZES:
            # A scene changes its demo, so each has one of its own.
            with demo_process(SEED, RATE) as target:
                svg = asyncio.run(draw_scene(target, SCENES[name], size))
            (FOLDER / f"{name}-{size[0]}x{size[1]}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
