"""Help, palette, footer and keys without an effect: what the app says, pressed as a person does."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from scaicore_tui.config import config_file
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import SMALL, WIDE, Stage, screen_lines, wait_until
from tests.support.inbox_scene import inbox_feed
from tests.support.scene import busy_feed


async def pressed(stage: Stage, pilot: Pilot[int], *keys: str) -> str:
    """Press keys and return the text of the screen."""
    await pilot.press(*keys)
    await pilot.pause()
    return "\n".join(screen_lines(stage.app))


async def test_a_key_without_an_effect_says_so_in_every_screen_and_dialog() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        assert "x: not here; in a run: open the link" in await pressed(stage, pilot, "x")
        assert "F5: no such key here · ? lists the keys" in await pressed(stage, pilot, "f5")
        assert "é: no such key here" in await pressed(stage, pilot, "é")
        assert "ctrl+c: q quits, y copies" in await pressed(stage, pilot, "ctrl+c")
        assert "esc: nothing to go back to; q quits" in await pressed(stage, pilot, "escape", "escape")
        assert "F5: no such key here" in await pressed(stage, pilot, "question_mark", "f5")
        assert "tab: no such key here" in await pressed(stage, pilot, "tab")
        assert "F5: no such key here" in await pressed(stage, pilot, "escape", "e", "enter", "f5")
        assert "z: this view has all of the screen already" in await pressed(stage, pilot, "4", "z")
        assert "F5: no such key here" in await pressed(stage, pilot, "1", "R", "f5")
        # A text field takes what it can use, and is silent about the rest.
        assert "F6" not in await pressed(stage, pilot, "tab", "f6", "x")
        assert "8: no such option: choose 1–3" in await pressed(
            stage, pilot, "escape", "escape", "escape", "i", "a", "8"
        )
        while not isinstance(stage.app.screen, MainScreen):
            await pressed(stage, pilot, "escape")
        await pressed(stage, pilot, "slash", "f6", "x")
        assert "F6" not in stage.text
        assert "/x" in stage.text


async def test_read_only_says_so_and_the_footer_leaves_out_what_writes() -> None:
    stage = Stage(busy_feed(), read_only=True)
    async with stage.opened(WIDE) as pilot:
        assert "R: this session is read-only" in await pressed(stage, pilot, "R")
        assert "replay" not in stage.lines[-1]
        assert "read-only: keys that write are off" in await pressed(stage, pilot, "question_mark")


async def test_the_footer_follows_the_selected_row() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        assert stage.lines[-1].startswith(" R replay")
        await pressed(stage, pilot, "j")
        await wait_until(pilot, lambda: "continue" in stage.lines[-1])
        assert stage.lines[-1].startswith(" a answer  c continue")
        await pressed(stage, pilot, "slash", *"77aa02", "enter")
        await wait_until(pilot, lambda: "answer" in stage.lines[-1] and "continue" not in stage.lines[-1])


async def test_help_is_searched_and_says_what_is_out_of_sight() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(SMALL) as pilot:
        shown = await pressed(stage, pilot, "question_mark")
        assert shown.splitlines()[0].startswith(" ● live")
        assert " more below" in shown
        assert " more above" in await pressed(stage, pilot, "G")
        shown = await pressed(stage, pilot, "slash", *"error")
        assert "go to the next error" in shown
        assert "page down" not in shown
        assert " more below" in await pressed(stage, pilot, "enter", "escape")
        await pressed(stage, pilot, "escape")
        assert isinstance(stage.app.screen, MainScreen)


async def test_palette_finds_runs_cores_views_and_themes() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        assert "run: replay" in await pressed(stage, pilot, "ctrl+p")
        await pilot.press(*"5b0c")
        await wait_until(pilot, lambda: "run: exec_5b0c11  invoice-batch" in stage.text)
        assert "✗ failed" in stage.text
        await pressed(stage, pilot, "enter")
        await stage.settle(pilot)
        assert stage.lines[1].startswith("▍invoice-batch  exec_5b0c11")
        await pressed(stage, pilot, "ctrl+p", *"core: expense")
        await wait_until(pilot, lambda: "core: expense-approval" in stage.text)
        await pressed(stage, pilot, "enter")
        await stage.settle(pilot)
        assert "Runs  1 of 1" in stage.text
        await pressed(stage, pilot, "ctrl+p", *"view: failed", "enter")
        await stage.settle(pilot)
        assert "view: failed" in stage.text
        await pressed(stage, pilot, "ctrl+p", *"theme: nord", "enter")
        assert stage.app.theme == "nord"


async def test_a_query_is_saved_as_a_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_file().parent.mkdir(parents=True)
    before = '# mine\n[views.old]\nquery = "x"\ngroup = "core"\n'
    config_file().write_text(before)
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pressed(stage, pilot, "slash", *"bank", "ctrl+s")
        await pressed(stage, pilot, *"failed", "enter")
        assert "is a view of its own already" in stage.text
        await pressed(stage, pilot, *(["backspace"] * 6), *"old", "enter")
        assert "there is a view “old”: enter replaces it" in stage.text
        await pressed(stage, pilot, *(["backspace"] * 3), *"banks", "enter")
        await wait_until(pilot, lambda: "saved: view “banks”" in stage.text)
        assert "  banks  /bank" in stage.text
        assert config_file().read_text() == before + '\n[views.banks]\nquery = "bank"\n'
        await pressed(stage, pilot, "slash", *" x", "enter")
        assert "banks *" in stage.text
        await pressed(stage, pilot, "escape", "ctrl+p", *"view: old", "enter")
        assert "groups by core only in: scaicore-tui runs --group core" in stage.text


async def test_queries_of_the_inbox_come_back() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened(WIDE) as pilot:
        await pressed(stage, pilot, "i", "slash", *"zoe", "enter", "escape", "escape", "i")
        await pressed(stage, pilot, "slash", "up")
        assert "\n zoe" in stage.text
        assert "only queries for runs are saved" in await pressed(stage, pilot, "ctrl+s")
