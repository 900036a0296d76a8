"""Replays of marked runs: one dialog, one POST for each run, and the verdicts in a list."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
from textual.pilot import Pilot

from scaicore_tui.protocol import Event
from scaicore_tui.tui.dialogs.replay_all import ReplayAllScreen
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.screens.replays import ReplaysScreen
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import WIDE, Stage, screen_lines, wait_until
from tests.support.builders import NOON, SECOND
from tests.support.feed_simulator import FeedSim
from tests.support.scene import INVOICES, RunEvents, completed_triage, running_triage

BANK_DOWN = {"code": "BANK_DOWN", "message": "no answer within 30 s"}


def batch_run(execution: str, start_s: int, number: int, *, fails: bool) -> list[Event]:
    """Return a payment that fails, or is made."""
    run = RunEvents(execution, INVOICES, start_s).start(invoice=number)
    return run.fail("pay", "core_call", 300, BANK_DOWN).events if fails else run.end({"paid": number}).events


class ReplayServer:
    """Executes invocations: each adds a run with its input to the feed. Those in `failing` fail, like the original."""

    def __init__(self, stage: Stage, *, failing: tuple[int, ...] = ()) -> None:
        self.inputs: list[dict[str, int]] = []
        self._stage, self._failing = stage, failing
        stage.fault = self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return self._stage.sim.respond(request)
        value = json.loads(request.content)["input"]
        self.inputs.append(value)
        number, started_s = value["invoice"], int(self._stage.clock.now() - NOON / SECOND) + 1
        execution = f"exec_new{len(self.inputs)}"
        fails = number in self._failing
        self._stage.sim.log += batch_run(execution, started_s, number, fails=fails)
        if fails:
            error = {"code": "BACKEND_ERROR", "message": "the run failed"}
            return httpx.Response(502, json={"status": "error", "error": error, "meta": {}})
        return httpx.Response(200, json={"data": {"output": {"paid": number}, "duration_ms": None}})


def feed() -> FeedSim:
    """Return a feed with three failed payments, a run that goes on, and one whose start is missing."""
    failed = [event for n in (1, 2, 3) for event in batch_run(f"exec_{n}", n, n, fails=True)]
    late = completed_triage("exec_late", 4)[1:]
    return FeedSim([*failed, *late, *running_triage("exec_open", 20)])


async def mark_all(stage: Stage, pilot: Pilot[int]) -> str:
    """Mark all runs and open the dialog; return its text."""
    await pilot.press("asterisk", "R")
    await wait_until(pilot, lambda: isinstance(stage.app.screen, ReplayAllScreen))
    await pilot.pause()
    return "\n".join(screen_lines(stage.app))


async def confirm(stage: Stage, pilot: Pilot[int], *keys: str) -> None:
    stage.clock.advance(0.4)
    await pilot.press(*keys, "enter")


async def follow(stage: Stage, pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Let time pass until the condition is true."""
    for _ in range(40):
        if condition():
            return
        await stage.wait(pilot, 1.0)
    raise AssertionError("\n".join(screen_lines(stage.app)))


async def test_marked_runs_are_replayed_one_by_one_with_a_verdict_on_each() -> None:
    stage = Stage(feed())
    server = ReplayServer(stage, failing=(2,))
    async with stage.opened(WIDE) as pilot:
        asked = await mark_all(stage, pilot)
        assert "Replay  3 runs of 5 marked" in asked
        assert "invoice-batch 3" in asked
        assert "BANK_DOWN: no answer within 30 s" in asked
        assert "left out · 2" in asked
        assert "the run began before our first event" in asked
        assert "it has not ended" in asked
        assert "enter replays 3 runs · staging" in asked
        # A key that was meant for the screen below, and one that is held, confirm nothing.
        await pilot.press("enter")
        assert not server.inputs
        await confirm(stage, pilot)
        await wait_until(pilot, lambda: isinstance(stage.app.screen, ReplaysScreen))
        await follow(stage, pilot, lambda: "3 of 3" in stage.text)
        assert server.inputs == [{"invoice": 3}, {"invoice": 2}, {"invoice": 1}]
        assert "Replays  3 of 3  2 fixed, 1 same error  2 left out" in stage.text
        rows = [" ".join(line.removeprefix("›").split()) for line in stage.lines[3:8]]
        assert rows[:3] == [
            "fixed invoice-batch exec_3 exec_new1?",
            "same error invoice-batch exec_2 exec_new2? pay: BANK_DOWN: no answer within 30 s",
            "fixed invoice-batch exec_1 exec_new3?",
        ]
        assert [row.startswith("left out") for row in rows[3:]] == [True, True]
        # What was sent is not marked any more; what was left out is.
        assert set(stage.screen.state.marked_runs) == {"exec_late", "exec_open"}
        await pilot.press("g", "j", "enter")
        await pilot.pause()
        assert isinstance(stage.app.screen, RunScreen)
        assert stage.screen.current_run is not None
        assert stage.screen.current_run.execution_id == "exec_new2"
        # One notice about all.
        notices = stage.screen.state.notices
        assert notices.latest is not None
        assert notices.latest.text == "3 replays: 2 fixed, 1 same error"


async def test_closed_it_goes_on_and_stopped_it_sends_no_more() -> None:
    stage = Stage(feed())
    server = ReplayServer(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("V")
        assert "no marked runs were replayed: space marks runs, R replays them" in stage.text
        await pilot.press("escape")
        await mark_all(stage, pilot)
        await confirm(stage, pilot)
        await wait_until(pilot, lambda: isinstance(stage.app.screen, ReplaysScreen))
        await pilot.press("escape")
        assert isinstance(stage.app.screen, MainScreen)
        assert "the replays go on: V in the list of runs shows them" in stage.text
        await pilot.press("R")
        await pilot.pause()
        assert "replays are being sent: V shows them" in stage.text
        await pilot.press("V", "s")
        await pilot.pause()
        assert isinstance(stage.app.screen, ReplaysScreen)
        assert "stopping: no more are sent" in stage.text
        await follow(stage, pilot, lambda: "not sent" in stage.text)
        sent = len(server.inputs)
        assert 1 <= sent < 3
        assert stage.text.count("stopped before it was sent") == 3 - sent
        await pilot.press("s")
        assert "all of them have ended" in stage.text


async def test_a_protected_profile_asks_for_a_word() -> None:
    stage = Stage(feed(), protected=True)
    server = ReplayServer(stage)
    async with stage.opened(WIDE) as pilot:
        assert "first type “replay 3 runs”" in await mark_all(stage, pilot)
        await confirm(stage, pilot)
        assert not server.inputs
        for key in ("space" if char == " " else char for char in "replay 3 runs"):
            stage.clock.advance(0.1)
            await pilot.press(key)
        await confirm(stage, pilot)
        await follow(stage, pilot, lambda: len(server.inputs) == 3)
        # Another profile is opened: what was not sent yet is not sent any more.
        batch = stage.screen.state.replays
        assert batch is not None
        assert stage.app._bridge is not None
        stage.app._bridge.detach()
        assert batch.is_stopping
