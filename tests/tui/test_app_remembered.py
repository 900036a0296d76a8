"""What is chosen on the screen is shown again at the next start, and the configured keys act, in the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.color import Color

from scaicore_tui.config.ui import Times, UiTable
from scaicore_tui.config.views import Sort
from scaicore_tui.session.remembered_screen import RememberedScreen
from scaicore_tui.tui.configured import parse_changes
from scaicore_tui.tui.dialogs.replay import ReplayScreen
from scaicore_tui.tui.keymap import use_keys
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.screens.run import RunScreen
from scaicore_tui.tui.theme import DARK, LIGHT, TERMINAL
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.inbox_scene import inbox_feed, invoice
from tests.support.scene import busy_feed
from tests.support.two_profiles import PROD, STAGING, ProfileSet, open_app, session_of, switch_profile


@pytest.fixture
def default_keys() -> Iterator[None]:
    """Use the default keys again after the test."""
    yield
    use_keys({})


def is_at(stage: Stage, kind: type[object]) -> bool:
    """Return whether a screen of that kind is on top."""
    return isinstance(stage.app.screen, kind)


async def test_the_next_start_shows_theme_view_filter_and_times(tmp_path: Path) -> None:
    screens = tmp_path / "screens.json"
    stage = Stage(busy_feed(), screens=screens)
    async with stage.opened(WIDE) as pilot:
        assert stage.app.theme == DARK
        assert not screens.exists()
        await pilot.press("v", "slash", *"batch", "enter", "A", "t")
        await stage.settle(pilot)
        assert "Runs  1 of 1  failed  /batch  of 26 runs" in stage.text
        assert stage.app.theme == LIGHT
        shown = stage.lines[3:6]
    assert screens.stat().st_mode & 0o77 == 0

    again = Stage(busy_feed(), screens=screens)
    async with again.opened(WIDE) as pilot:
        assert again.app.theme == LIGHT
        assert again.lines[3:6] == shown, "the same heading, columns with ages, and run"
        assert again.lines[5].startswith("› ✗ 9m ")
        await pilot.press("slash")
        assert again.screen.focused.value == "batch"  # type: ignore[union-attr]
        await pilot.press("enter", "escape")
        await again.settle(pilot)
        assert "Runs  4 of 26  " in again.text
        # Any theme of Textual can be chosen, with our colours in its own.
        again.app.theme = "solarized-light"
        await again.settle(pilot)
        runs = again.screen.panes.runs  # type: ignore[attr-defined]
        assert Color.from_rich_color(runs._style("text").color).hex6 == again.app.theme_variables["state-text"]
        assert again.app.theme_variables["state-ground"] == "#FDF6E3"
        await pilot.press("t", "s")
        assert again.app.theme == DARK, "from any light theme to the dark one"
        again.app.theme = "nord"

    third = Stage(busy_feed(), screens=screens, no_colour=True)
    async with third.opened(WIDE) as pilot:
        assert "/batch" not in third.text
        assert "✗ 9m " in third.text, "times are still ages"
        assert third.screen.sort is Sort.STARTED  # type: ignore[attr-defined]
        await pilot.press("t")
        assert "t: the terminal's own colours are in use" in third.text
        third.app.theme = LIGHT
        assert third.app.theme == TERMINAL
    remembered = RememberedScreen(screens, third.session.target.title, UiTable())
    remembered.load()
    assert remembered.choices.theme == "nord", "without colours, the theme is kept for later"


async def test_the_configuration_says_how_the_app_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "scaicore-tui").mkdir()
    (tmp_path / "scaicore-tui" / "config.toml").write_text('[views.banks]\nquery = "error:bank"\n')
    stage = Stage(busy_feed(), ui=UiTable(theme="gruvbox", view="banks", times=Times.AGE))
    async with stage.opened(WIDE) as pilot:
        await wait_until(pilot, lambda: "/error:bank" in stage.text)
        await stage.settle(pilot)
        assert "Runs  1 of 1  banks  /error:bank" in stage.text
        assert stage.app.theme == "gruvbox"
        assert stage.screen.panes.runs.shows_ages  # type: ignore[attr-defined]
    ansi = Stage(busy_feed(), ui=UiTable(theme="ansi-dark"))
    async with ansi.opened(WIDE) as pilot:
        assert (ansi.app.theme, ansi.app.native_ansi_color) == ("ansi-dark", True)
        await pilot.press("t")
        assert (ansi.app.theme, ansi.app.native_ansi_color) == (LIGHT, False)
    own = Stage(inbox_feed(invoice(1)), screens=tmp_path / "screens.json")
    own.session.screen.change(mine=True)
    async with own.opened(WIDE) as pilot:
        await pilot.press("i")
        await own.settle(pilot)
        assert "Invoice 1" in own.text, "the token names nobody, so nothing is hidden"


async def test_each_profile_has_its_own_choices(tmp_path: Path) -> None:
    profiles = ProfileSet(tmp_path)
    async with open_app(profiles) as pilot:
        await pilot.press("v", "t")
        await switch_profile(pilot, PROD)
        assert pilot.app.theme == DARK
        assert session_of(pilot).screen.choices.view is None
        pilot.app.theme = "nord"
        await pilot.pause()
        await switch_profile(pilot, STAGING)
        main = pilot.app.screen
        assert isinstance(main, MainScreen)
        assert (pilot.app.theme, main.run_list_model.view) == (LIGHT, "failed")
    prod = profiles.screen(PROD)
    prod.load()
    assert (prod.choices.theme, prod.choices.view) == ("nord", None)


async def test_changed_keys_act_and_are_shown(default_keys: None) -> None:
    changed, problems = parse_changes(
        {"replay": "ctrl+r", "theme": "f6", "runs": {"open": "o", "next_pane": "ctrl+n"}, "inbox": {"filter": "F"}}
    )
    assert not problems
    use_keys(changed)
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        assert "ctrl+r replay" in stage.lines[-1]
        assert "o open" in stage.lines[-1]
        await pilot.press("enter")
        assert "enter: open is on o now" in stage.text
        assert is_at(stage, MainScreen)
        await pilot.press("slash", *"stat", "tab")
        assert stage.screen.focused.value == "status:"  # type: ignore[union-attr]
        await pilot.press(*["backspace"] * 7, *"batch", "enter")
        await stage.settle(pilot)
        assert "/batch" in stage.text
        await pilot.press("R")
        assert "R: replay is on ctrl+r now" in stage.text
        await pilot.press("question_mark")
        assert "ctrl+r" in stage.text
        await pilot.press("escape", "o")
        assert is_at(stage, RunScreen)
        await pilot.press("ctrl+r")
        assert is_at(stage, ReplayScreen)
        await pilot.press("escape", "escape", "i")
        await pilot.press("slash")
        assert "/: filter is on F now" in stage.text
        await pilot.press("F", *"zoë")
        assert stage.screen.focused.value == "zoë"  # type: ignore[union-attr]
