"""The questions of a developer about a run of the demo, each with the number of keys that its answer takes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.servers.grid.demo.history import seed_history
from scaicore_tui.servers.grid.flow.validation import load_shipped_cores
from scaicore_tui.servers.grid.store import Execution, Store
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.scene import INVOICES, RunEvents

NOW = 1_777_464_000.0
SEED = 7


class Demo:
    """The history of a new demo."""

    def __init__(self) -> None:
        store = Store()
        seed_history(store, load_shipped_cores(), SEED, NOW)
        self.log: list[Event] = [decode_event(json.dumps(event).encode()) for event in store.events()]
        self._runs = store.executions()
        store.close()

    def failed_run(self, core_id: str, code: str) -> Execution:
        """Return a run of a Core that failed with an error code."""
        runs = (run for run in self._runs if run.core_id == core_id and run.error is not None)
        return next(run for run in runs if run.error is not None and run.error["code"] == code)

    @asynccontextmanager
    async def opened(self, run: Execution) -> AsyncIterator[tuple[Stage, Pilot[int]]]:
        """Open the app at a run."""
        stage = Stage(FeedSim(list(self.log)), clock=ManualClock(NOW), backfill=len(self.log))
        async with stage.opened(WIDE) as pilot:
            await pilot.press("slash", *run.id[-5:], "enter")
            await wait_until(pilot, lambda: "1 of 1" in stage.text)
            await pilot.press("enter")
            await stage.settle(pilot)
            yield stage, pilot


@pytest.fixture(scope="module")
def history() -> Demo:
    return Demo()


def selected(stage: Stage) -> str:
    """Return the line at the cursor, without the inspector."""
    return next(line for line in stage.lines if line.startswith("›")).split("│›")[0]


def at_cursor(stage: Stage) -> str:
    """Return the line at the cursor of the inspector."""
    return next(part for line in stage.lines for part in line.split("│", 1)[1:] if part.startswith("›"))


async def test_the_questions_about_a_run_with_a_failed_sub_flow(history: Demo) -> None:
    async with history.opened(history.failed_run("core_research", "SUBFLOW_FAILED")) as (stage, pilot):
        # Without a key: which node failed, with which error, what ran in parallel, how long each took, what came just
        # before, what was not reached, and what is usual.
        assert "✗ check_claim" in selected(stage)
        assert "SUBFLOW_FAILED: core_fact-check failed: no source for" in stage.text
        parallel = [line for line in stage.lines if re.search(r"^. {3}[✓✗] (search_|check_|find_)", line)]
        assert len(parallel) == 5
        assert all(re.search(r"\d+(\.\d+s|ms)", line.split("│")[0]) for line in parallel)
        before = stage.lines.index(next(line for line in stage.lines if "before it (the input" in line))
        assert "▸ plan" in stage.lines[before + 1]
        assert re.search(r"· write +not reached", stage.text)
        assert re.search(
            r"usual [\d.]+s without waiting for people \(.* n \d+\)  this error: \d of the last", stage.text
        )
        assert re.search(r"(last|later) good exec_", stage.text)
        assert re.search(r"usual [\d.]+s · \d+% of \d+ visits succeed · \d+ runs", stage.text)
        # One key: the cause, in the run that the step called.
        assert "x ↗ likely called fact-check" in stage.text
        await pilot.press("x")
        assert stage.lines[1].startswith("▍fact-check")
        assert "✗ look_up" in selected(stage)
        assert "NO_SOURCE: no source for" in stage.text
        await pilot.press("escape")
        # The other links, from the inspector: a run of this Core that went well.
        await pilot.press("tab")
        while "good exec_" not in at_cursor(stage):
            await pilot.press("j")
        await pilot.press("x")
        assert re.match(r"▍research .* ✓ completed", stage.lines[1])
        await pilot.press("escape", "escape")
        # One key: the order of the nodes, and where it comes from.
        await pilot.press("3")
        assert re.search(r"order seen in \d+ runs, not the design", stage.text)
        assert "✗   check_claim" in selected(stage)


async def test_the_questions_about_a_run_with_a_loop(history: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    run = history.failed_run("core_invoice-batch", "VENDOR_UNKNOWN")
    last = len(run.input["invoices"])
    async with history.opened(run) as (stage, pilot):
        # Without a key: which iteration and attempt failed.
        assert re.search(rf"post +iteration {last} +attempt 3 ✗ failed", stage.text)
        assert "✗ post 3" in selected(stage)
        assert "2 retries" in stage.text
        # One key: which way past runs took from there.
        await pilot.press("3")
        assert re.search(r"out of it: → add_up \(\d+%\)", stage.text)
        await pilot.press("1")
        # One key: the state at the event before; two: at the one before that, when the last attempt went on.
        await pilot.press("left", "left")
        assert "● running" in stage.text
        await pilot.press("left")
        assert "● post" in selected(stage)
        await pilot.press("escape")
        # Eight keys: a value three levels deep is copied.
        copied = list[str]()
        monkeypatch.setattr(stage.app, "send_to_terminal", copied.append)
        await pilot.press("5", "slash", *"unkn", "enter", "y")
        await stage.settle(pilot)
        assert f"clipboard: input.invoices[{last - 1}].vendor" in stage.text
        assert base64.b64decode(copied[0].split(";")[2].split("\x07")[0]) == b"Unknown Trading Ltd"


async def test_the_questions_of_a_person_on_call(history: Demo) -> None:
    """For ten minutes a node of one Core has failed again and again, among the usual runs."""
    error = {"code": "BANK_DOWN", "message": "bank.example did not answer within 30 s"}
    failing = [
        event
        for number in range(24)
        for event in RunEvents(f"exec_bank{number:02}", INVOICES, -640 + number * 25)
        .start(batch=number)
        .step("take", "rigid", 900, {"batch": number})
        .fail("pay", "core_call", 30_000, error)
        .events
    ]
    log = sorted([*history.log, *failing], key=lambda event: event.at or 0)
    stage = Stage(FeedSim(log), clock=ManualClock(NOW), backfill=len(log))
    async with stage.opened(WIDE) as pilot:
        await stage.wait(pilot, 6)
        # Without a key: since when, how many, still going on; which Core, node and error.
        (rate,) = [line for line in stage.lines if line.startswith(" failed ")]
        assert re.search(r" \d\d · rising since 11:[45]\d(:\d\d)? · newest \d+s ago", rate)
        newest = next(line for line in stage.lines if "✗" in line)
        assert re.search(r"✗ 11:59:\d\d +invoice-batch +30\.9s +pay +BANK_DOWN: bank", newest)
        # One key: how many of this cause, since when, and that it is the most frequent one.
        await pilot.press("b")
        await stage.settle(pilot)
        first = next(line for line in stage.lines if "BANK_DOWN" in line)
        assert re.search(r" 24 ↑ 11:49:\d\d +11:59:\d\d +.*invoice-batch +pay", first)
