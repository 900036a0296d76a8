"""The filter takes queries: errors, completion, history, saved views, values in the events, and the inbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from scaicore_tui.config.paths import config_file
from scaicore_tui.session.remembered import RememberedQueries
from scaicore_tui.tui.query_history import History
from tests.support.app_stage import WIDE, Stage
from tests.support.scene import busy_feed, completed_triage


async def typed(stage: Stage, pilot: Pilot[int], text: str) -> None:
    """Type a text into the filter and wait until its runs are listed."""
    await pilot.press(*text)
    await stage.settle(pilot)


async def test_queries_are_typed_completed_and_kept() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("slash")
        assert "tab status:" in stage.text
        await typed(stage, pilot, "status:failed")
        assert "Runs  1 of 1" in stage.text
        await typed(stage, pilot, ' "')
        assert "Runs  1 of 1" in stage.text, "the query before stays in force"
        assert '15: "  a text in " has no end' in stage.text
        await pilot.press("backspace")
        await typed(stage, pilot, "stats:x")
        assert "15: stats  runs have no field stats  tab status" in stage.text
        await pilot.press("enter")
        assert "15: stats" in stage.text, "a query that cannot be read is not kept"
        await pilot.press(*["backspace"] * 8)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "/status:failed  of 26 runs" in stage.text
        assert "15: stats" not in stage.text

        await pilot.press("escape", "slash")
        await typed(stage, pilot, "cor")
        await pilot.press("tab")
        await stage.settle(pilot)
        assert "core: " in stage.text
        assert "tab core_support-triage 24  core_expense-approval 1 " in stage.text, (
            "the values that exist, with their counts"
        )
        await typed(stage, pilot, "invo")
        await pilot.press("right")
        await stage.settle(pilot)
        assert stage.screen.focused.value == "core:core_invoice-batch "  # type: ignore[union-attr]
        assert "Runs  1 of 1" in stage.text
        await pilot.press("up")
        await stage.settle(pilot)
        assert stage.screen.focused.value == "status:failed"  # type: ignore[union-attr]
        await pilot.press("down")
        assert stage.screen.focused.value == "core:core_invoice-batch "  # type: ignore[union-attr]
        await pilot.press("escape")
        assert "Runs  4 of 26  " in stage.text
        assert "/core" not in stage.text

        await pilot.press("slash")
        await typed(stage, pilot, "visits>2 is:comp")
        await pilot.press("enter")
        model = stage.screen.panes.run_list_model  # type: ignore[attr-defined]
        before = len(model)
        assert 0 < before < model.total
        stage.sim.log += completed_triage("exec_newest", 80)
        await stage.poll(pilot)
        await stage.settle(pilot)
        assert len(model) == before + 1, "what the events of a run tell is read again when it changes"
        assert stage.run_line("exec_newest")


async def test_saved_views_follow_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_file().parent.mkdir(parents=True)
    config_file().write_text('[views.banks]\nquery = "error:bank"\n[views.broken]\nquery = "eror:x"\n')
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("slash", "escape")
        await stage.settle(pilot)
        for shown in ("failed", "waiting", "running", "banks"):
            await pilot.press("v")
            await stage.settle(pilot)
            assert f"  {shown}" in stage.lines[3], shown
        assert "Runs  1 of 1  banks  /error:bank" in stage.text
        await pilot.press("slash")
        await typed(stage, pilot, " x")
        await pilot.press("enter")
        assert "banks *" in stage.text
        await pilot.press("v")
        await stage.settle(pilot)
        assert "runs have no field eror" in stage.text
        await pilot.press("v")
        await stage.settle(pilot)
        assert "view: all" in stage.text
        assert " of 26  " in stage.lines[3]


async def test_the_inbox_takes_queries() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "slash")
        await typed(stage, pilot, "typ")
        await pilot.press("tab")
        await stage.settle(pilot)
        assert "tab " in stage.text
        await pilot.press("tab", "enter")
        await stage.settle(pilot)
        assert " of 2" in stage.text
        await pilot.press("slash", *" status:x")
        assert "checkpoints have no field status" in stage.text
        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        assert "Runs  1 of 26" in stage.text


def test_queries_are_remembered_by_profile(tmp_path: Path) -> None:
    path = tmp_path / "state" / "queries.json"
    prod, staging = RememberedQueries(path, "prod"), RememberedQueries(path, "staging")
    assert prod.load() == []
    for text in ("a", "b", "a"):
        prod.add(text)
    staging.add("c")
    assert (prod.load(), staging.load()) == (["b", "a"], ["c"])
    assert path.stat().st_mode & 0o77 == 0
    for number in range(60):
        prod.add(str(number))
    assert len(prod.load()) == 50
    path.write_text('{"prod": 7')
    assert prod.load() == []
    path.write_text(json.dumps({"prod": ["x", 7], "staging": 7}))
    assert (prod.load(), staging.load()) == (["x"], [])
    RememberedQueries(None, "prod").add("nothing is written")
    path.unlink()
    path.mkdir()
    prod.add("lost without an error")


def test_the_history_comes_back_to_what_was_typed() -> None:
    history = History()
    history.load(["a", "b"])
    history.add("c")
    assert [history.older("typed"), history.older("c"), history.older("b"), history.older("a")] == ["c", "b", "a", None]
    assert [history.newer(), history.newer(), history.newer()] == ["b", "c", "typed"]
    assert not history.is_shown
