"""Gaps in the run list: events lost to retention, and events not read yet."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from textual.pilot import Pilot

from tests.support.app_stage import STANDARD, WIDE, Stage
from tests.support.builders import NOON, SECOND, entered, event
from tests.support.feed_simulator import FeedSim
from tests.support.scene import busy_feed, events_two_hours_later

TALL = (80, 40)
# The first line of the list of runs.
FIRST_LINE = 5
GAP = "┄ gap 12:01:01 to 13:50:00Z: events missing, runs here may be incomplete"


async def sleep_two_hours(stage: Stage, pilot: Pilot[int]) -> None:
    """Suspend for two hours, longer than the feed keeps events."""
    stage.sim.log[:] = events_two_hours_later()
    stage.clock.advance(7_200)
    await stage.poll(pilot)


def selected_run(stage: Stage) -> str | None:
    run = stage.screen.current_run
    return None if run is None else run.execution_id


async def test_gap_left_by_retention_is_listed_between_runs() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(TALL) as pilot:
        # A hint on a slow run speaks of the usual time between two events.
        assert "gap" not in stage.text.replace("usual gap ≤", "")
        await sleep_two_hours(stage, pilot)
        row = next(number for number, line in enumerate(stage.lines) if GAP in line)
        assert stage.run_line("exec_600000") == row - 1
        assert stage.run_line("exec_8f21c4") == row + 1
        assert "Runs  1 of 31" in stage.text
        assert "gap 12:01:01 to 13:50:00Z: events lost to retention" in stage.text
        await pilot.press("escape")
        await stage.poll(pilot)
        assert "lost to retention" not in stage.text
        assert GAP in stage.text


async def test_cursor_skips_gaps() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await sleep_two_hours(stage, pilot)
        await pilot.press("j", "j", "j", "j")
        assert selected_run(stage) == "exec_600000"
        await pilot.press("j")
        await stage.settle(pilot)
        assert selected_run(stage) == "exec_8f21c4"
        assert "Runs  6 of 31" in stage.text
        assert stage.lines[stage.run_line("exec_8f21c4")].startswith("› ● 12:01:01  support-triage")
        await pilot.press("k", "e")
        assert selected_run(stage) == "exec_5b0c11"
        await pilot.press("f")
        assert selected_run(stage) == "exec_6f21d5"


async def test_cursor_stays_on_its_run_when_a_gap_appears_above() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e")
        await sleep_two_hours(stage, pilot)
        assert selected_run(stage) == "exec_5b0c11"
        assert "Runs  9 of 31" in stage.text


async def test_click_on_a_gap_does_nothing() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await sleep_two_hours(stage, pilot)
        await stage.click(pilot, "┄ gap", times=2)
        assert selected_run(stage) == "exec_6f21d5"
        assert stage.app.screen is stage.screen
        await stage.click_run(pilot, "exec_5b0c11")
        assert selected_run(stage) == "exec_5b0c11"


async def test_filtered_list_shows_gaps_and_empty_text() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(TALL) as pilot:
        await sleep_two_hours(stage, pilot)
        await pilot.press("v")
        await stage.settle(pilot)
        assert "Runs  1 of 1  failed" in stage.text
        assert GAP in stage.text
        await pilot.press("escape", "escape", "slash", *"nobody", "enter")
        await stage.settle(pilot)
        assert GAP in stage.text
        assert "No failed runs match “nobody”. esc clears the filter." in stage.text
        await pilot.press("j", "k", "G", "e", "enter", "y")
        await stage.settle(pilot)
        assert "nothing is selected" in stage.text


@pytest.mark.parametrize("count", [27, 28, 29])
async def test_gap_at_either_end_is_visible_with_the_outermost_run(count: int) -> None:
    stage = Stage(FeedSim([event("custom.note", NOON, execution=None)]))
    runs = [entered("a", NOON + n * SECOND, f"exec_{n:04}") for n in range(1, count + 1)]
    async with stage.opened(STANDARD) as pilot:
        for log in (runs, [event("custom.note", NOON + 7_200 * SECOND, execution=None)]):
            stage.sim.log[:] = log
            await stage.poll(pilot)
        assert "┄ gap" in stage.lines[FIRST_LINE]
        lines = await walk(stage, pilot, "j", count - 1)
        assert "┄ gap" in lines[-1]
        assert stage.run_line("exec_0001") == FIRST_LINE + len(lines) - 2
        lines = await walk(stage, pilot, "k", count - 1)
        assert "┄ gap" in lines[0]
        assert stage.run_line(f"exec_{count:04}") == FIRST_LINE + 1


async def walk(stage: Stage, pilot: Pilot[int], key: str, times: int) -> list[str]:
    """Press `key` `times` times and return the lines of the list."""
    await pilot.press(*[key] * times)
    await stage.settle(pilot)
    rows = stage.lines[FIRST_LINE:]
    return rows[: next(number for number, line in enumerate(rows) if line.startswith(" exec_"))]


async def test_run_that_may_miss_events_says_so() -> None:
    stage = Stage(busy_feed())
    note = "events may be missing: 12:01:01 to 13:50:00Z"
    async with stage.opened(WIDE) as pilot:
        await pilot.press("j", "k")
        assert selected_run(stage) == "exec_8f21c4"
        assert note not in stage.text
        await sleep_two_hours(stage, pilot)
        assert note in stage.text
        await pilot.press("enter")
        await stage.settle(pilot)
        assert f"gap: {note}" in stage.text
        assert "??" in next(line for line in stage.lines if line.strip().startswith("NODE"))
        await pilot.press("escape", "escape", "e", "enter")
        await stage.settle(pilot)
        assert "exec_5b0c11" in stage.text
        assert note not in stage.text


async def test_open_gap_is_listed_until_it_is_read() -> None:
    stage = Stage(FeedSim([entered("a", NOON + n * SECOND, f"exec_{n:04}") for n in range(20)]))
    stage.sim.page_size = 20
    async with stage.opened(WIDE) as pilot:
        stage.sim.log += [entered("a", NOON + n * SECOND, f"exec_{n:04}") for n in range(20, 60)]
        stage.fault = no_second_page(stage.sim)
        await stage.poll(pilot)
        assert "┄ catching up 12:00:19 to 12:00:40Z: runs here may be incomplete" in stage.text
        assert "lost" not in stage.text
        stage.fault = None
        await stage.poll(pilot)
        assert "catching up" not in stage.text
        assert "Runs  1 of 60" in stage.text


def no_second_page(sim: FeedSim) -> Callable[[httpx.Request], httpx.Response]:
    """Return a handler that answers only requests for the newest page."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            raise httpx.ConnectError("gone", request=request)
        return sim.respond(request)

    return answer
