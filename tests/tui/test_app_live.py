"""End to end: the app, driven by keys, through the proxy to an embedded ScaiGrid, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot

from scaicore_tui.actions import Progress, Submission
from scaicore_tui.analysis.checkpoint_order import in_inbox_order
from scaicore_tui.config import Target
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import NodeState, Run, RunStatus
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig
from scaicore_tui.session import Session
from scaicore_tui.tui import DebuggerApp
from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.bulk import BulkScreen
from scaicore_tui.tui.dialogs.replay import ReplayScreen
from tests.support import stored
from tests.support.app_stage import STANDARD, screen_lines, wait_until
from tests.support.grid import MANAGER, Served, serving
from tests.support.proxy import proxy_server

MAX_PAUSES = 1_500
GUEST = "sgk_guest"
INTERVAL_S = 0.2


@dataclass
class Live:
    """The app, its session, and the grid behind the proxy."""

    app: DebuggerApp
    session: Session
    served: Served
    pilot: Pilot[int]

    async def wait_until(self, condition: Callable[[], object]) -> None:
        await wait_until(self.pilot, condition, MAX_PAUSES)

    @property
    def text(self) -> str:
        return "\n".join(screen_lines(self.app))

    @property
    def submission(self) -> Submission | None:
        return next(iter(self.session.submitter.submissions), None)

    async def find(self, *words: str) -> None:
        """Filter the runs by `words`; the first match is then selected."""
        await self.pilot.press("slash", *" ".join(words), "enter")
        await self.pilot.pause()

    async def loaded(self, execution_id: str) -> Run:
        """Return a run once it is loaded; new events are applied to it."""
        await self.wait_until(lambda: not self.session.index.runs[execution_id].is_loading)
        return self.session.index.runs[execution_id]

    async def confirm(self, dialog: type[AnswerScreen] | type[ReplayScreen]) -> None:
        """Press Enter after the confirmation delay."""
        screen = self.app.screen
        assert isinstance(screen, dialog)
        await self.wait_until(lambda: not screen.is_too_soon)
        await self.pilot.press("enter")
        await self.wait_until(lambda: self.submission)


@asynccontextmanager
async def live(token: str = MANAGER) -> AsyncIterator[Live]:
    """Yield the app once it shows runs of a grid with an hour of history."""
    async with (
        serving(history=True, tokens={MANAGER: "manager", GUEST: "viewer"}) as served,
        proxy_server(ProxyConfig(served.url)) as url,
    ):
        target = Target(url=f"{url}/api/v1", name="live", token=Secret(token), interval=INTERVAL_S)
        session = Session(target)
        # This grid has no limit, and does not say so.
        session.client.budget.limit = 6_000
        app = DebuggerApp(session)
        # An ending app does not wait for its background tasks: the owner of the session waits until it is closed.
        async with session, app.run_test(size=STANDARD) as pilot:
            await wait_until(
                pilot, lambda: session.connection.polls and session.checkpoints and not session.has_older, MAX_PAUSES
            )
            yield Live(app, session, served, pilot)


def waiting(session: Session, *, breakpoint: bool) -> Checkpoint:  # noqa: A002  (the name that describes it)
    """Return the longest waiting checkpoint of that kind."""
    return next(row for row in session.checkpoints if row.is_breakpoint is breakpoint)


async def test_an_answer_completes_the_node() -> None:
    async with live() as stage:
        row = waiting(stage.session, breakpoint=False)
        run = await stage.loaded(str(row.execution_id))
        await stage.find(run.execution_id)
        await stage.pilot.press("a", "1")
        await stage.confirm(AnswerScreen)
        sent = stage.submission
        assert sent is not None
        await stage.wait_until(lambda: sent.progress is Progress.CONFIRMED)
        node = next(node for node in run.nodes.values() if node.node_id == row.node_id)
        await stage.wait_until(lambda: node.state is NodeState.EXITED)
        stored = next(found for found in stage.served.grid.store.checkpoints() if found.id == row.id)
        assert stored.body["resolution"] == row.options[0].id
        await stage.wait_until(lambda: "confirmed" in stage.text)


async def test_continue_resumes_a_run() -> None:
    async with live() as stage:
        row = waiting(stage.session, breakpoint=True)
        run = await stage.loaded(str(row.execution_id))
        before = run.event_count
        await stage.find(run.execution_id)
        settled_at = stage.session.clock.monotonic() + 0.6
        await stage.wait_until(lambda: stage.session.clock.monotonic() > settled_at)
        await stage.pilot.press("c", "c")
        await stage.wait_until(lambda: run.event_count > before)
        assert len(stage.session.submitter.submissions) == 1


async def test_bulk_answer_sends_each_once() -> None:
    async with live() as stage:
        pending = in_inbox_order(stage.session.checkpoints, stage.session.now)
        kinds = [(row.checkpoint_type, [option.id for option in row.options]) for row in pending]
        commonest = kinds.index(max(kinds, key=kinds.count))
        await stage.pilot.press("i", *["space"] * len(pending), "g", *["j"] * commonest, "a", "1")
        dialog = stage.app.screen
        assert isinstance(dialog, BulkScreen)
        ids = [row.id for row in dialog.answerable]
        assert len(ids) > 1
        await stage.wait_until(lambda: not dialog.is_too_soon)
        await stage.pilot.press("enter", "enter")
        await stage.wait_until(lambda: dialog.state.finished_batches)
        sent = stage.session.submitter.submissions
        assert [submission.target_id for submission in sent] == ids
        await stage.wait_until(lambda: all(one.progress is Progress.CONFIRMED for one in sent))
        await stage.wait_until(lambda: f"{len(ids)} confirmed" in stage.text)


async def test_a_replay_runs_again_with_the_same_input() -> None:
    async with live() as stage:
        runs = stored.runs(stage.session.stored_runs)
        original = next(run for run in runs if run.status is RunStatus.COMPLETED and run.has_input)
        await stage.find(original.execution_id)
        before = {run.execution_id for run in stored.summaries(stage.session.stored_runs)}
        await stage.pilot.press("R")
        await stage.confirm(ReplayScreen)
        sent = stage.submission
        assert sent is not None
        await stage.wait_until(lambda: sent.execution_id)
        again = await stage.loaded(str(sent.execution_id))
        assert again.execution_id not in before
        assert (again.core_id, again.input) == (original.core_id, original.input)


async def test_rejected_write_is_shown_with_its_request_id() -> None:
    async with live(GUEST) as stage:
        run_id = waiting(stage.session, breakpoint=False).execution_id
        await stage.find(str(run_id))
        await stage.pilot.press("a", "1")
        await stage.confirm(AnswerScreen)
        sent = stage.submission
        assert sent is not None
        await stage.wait_until(lambda: sent.progress is Progress.REFUSED)
        assert sent.request_id
        await stage.wait_until(lambda: str(sent.request_id) in stage.text)
