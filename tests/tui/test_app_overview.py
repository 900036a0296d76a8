"""The main screen answers: when, how often, where and why, without leaving it."""

from __future__ import annotations

from scaicore_tui.tui.screens.causes import CausesScreen
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage
from tests.support.scene import busy_feed, failed_batch


async def test_rates_causes_and_the_steps_of_a_failed_run_are_shown() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await stage.wait(pilot, 6)
        await stage.settle(pilot)
        assert stage.lines[1].startswith(" runs ")
        assert " in 60 min" in stage.lines[1]
        assert "1 · newest" in stage.lines[2]
        await pilot.press("e")
        await stage.settle(pilot)
        assert "BANK_DOWN: the bank did not answer within 30 s" in stage.text
        axis = next(line for line in stage.lines if "NODE  " in line)
        assert axis.rstrip().endswith("TOOK")
        selected = [line for line in stage.lines if "› " in line and "✗ pay" in line]
        assert any("30.0s" in line for line in selected)
        await pilot.press("T")
        await stage.settle(pilot)
        assert " in 24 h" in stage.lines[1]


async def test_failures_are_grouped_by_cause_and_enter_lists_their_runs() -> None:
    stage = Stage(busy_feed())
    stage.sim.log += failed_batch("exec_again", 30)
    async with stage.opened(STANDARD) as pilot:
        await stage.wait(pilot, 6)
        await stage.settle(pilot)
        await pilot.press("b")
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, CausesScreen)
        assert "Failures by cause  2 in 60 min" in stage.lines[2]
        row = next(line for line in stage.lines if line.startswith("›"))
        assert row.split()[1] == "2"
        assert "BANK_DOWN" in row
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "Runs  1 of 2" in stage.text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert " of 27 " in stage.lines[3]
        assert "status:" not in stage.text


async def test_times_become_ages_and_back() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(SMALL) as pilot:
        assert "AT (UTC)" in stage.text
        await pilot.press("A")
        assert "CHANGED" in stage.text
        await pilot.press("A")
        assert "AT (UTC)" in stage.text
