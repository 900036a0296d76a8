"""The order of the run list: by a key, by a saved view, live, with a query, and with a selection that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.cli.queries import sort_runs
from scaicore_tui.config.paths import config_file
from scaicore_tui.config.views import Sort
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import WIDE, Stage
from tests.support.scene import busy_feed, running_triage


def main_screen(stage: Stage) -> MainScreen:
    screen = stage.screen
    assert isinstance(screen, MainScreen)
    return screen


def assert_order(stage: Stage, sort: Sort) -> None:
    """Check that the rows are in the order in which the command line prints the runs."""
    model = main_screen(stage).run_list_model
    rows = [summary for row in range(len(model)) if (summary := model[row]) is not None]
    newest_first = sorted(rows, key=lambda run: -run.position)
    assert len(rows) == len(model) > 1
    assert [run.execution_id for run in rows] == [run.execution_id for run in sort_runs(newest_first, sort)]


async def test_a_key_sorts_and_new_runs_come_to_their_place() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        screen = main_screen(stage)
        assert "newest change first" in stage.lines[3]
        await pilot.press("j", "j")
        chosen = screen.panes.runs.selected
        assert chosen is not None
        for sort, words in (
            (Sort.STARTED, "newest start first"),
            (Sort.DURATION, "longest first"),
            (Sort.CORE, "by Core"),
            (Sort.STATUS, "by status"),
        ):
            await pilot.press("s")
            await stage.settle(pilot)
            assert f"  {words}" in stage.lines[3], "the heading tells the order"
            assert "sorting" not in stage.lines[3]
            assert_order(stage, sort)
            assert screen.panes.runs.selected is chosen
            assert screen.sort is sort
        stage.sim.log += running_triage("exec_newest", 80)
        await stage.poll(pilot)
        assert screen.run_list_model.row_of("exec_newest") not in (0, None)
        assert_order(stage, Sort.STATUS)

        await pilot.press("v")
        await stage.settle(pilot)
        assert "failed" in stage.lines[3]
        assert "by status" in stage.lines[3]
        await pilot.press("escape", "escape", "slash", *"triage", "enter")
        await stage.settle(pilot)
        assert_order(stage, Sort.STATUS)
        await pilot.press("f")
        await stage.settle(pilot)
        assert screen.sort is None
        assert screen.selected_run is not None
        assert screen.selected_run.execution_id == "exec_newest", "f follows the run that changed last"
        assert "by status" not in stage.text


async def test_a_saved_view_brings_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_file().parent.mkdir(parents=True)
    config_file().write_text('[views.long]\nquery = "triage"\nsort = "events"\n')
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        screen = main_screen(stage)
        screen.set_sort(Sort.CORE)
        await stage.settle(pilot)
        await pilot.press("slash", "escape")
        await pilot.press("v", "v", "v", "v")
        await stage.settle(pilot)
        assert "  long  /triage" in stage.lines[3]
        assert "most events first" in stage.lines[3]
        assert_order(stage, Sort.EVENTS)
        assert screen.sort is Sort.CORE, "the order of a view is not that which a person chose"
        await pilot.press("slash", *" !zz")
        await stage.settle(pilot)
        assert_order(stage, Sort.EVENTS)
        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        assert "by Core" in stage.lines[3]
        assert_order(stage, Sort.CORE)
