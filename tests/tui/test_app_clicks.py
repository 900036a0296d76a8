"""Clicks that arrive together, or while a screen closes or resizes, act on what the user saw, or do nothing."""

from __future__ import annotations

from textual import events
from textual.app import App
from textual.geometry import Size
from textual.pilot import Pilot

from scaicore_tui.tui.dialogs.help import HelpScreen
from scaicore_tui.tui.palette import Palette
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.screens.inbox import InboxScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import SMALL, WIDE, Stage, screen_lines, wait_until
from tests.support.scene import busy_feed

VIEW = "runs: change the view"


def click(app: App[int], x: int, y: int) -> None:
    """Click without waiting for the result."""
    for kind in (events.MouseDown, events.MouseUp):
        app.post_message(kind(None, x, y, 0, 0, 1, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y))


def resize(app: App[int], size: tuple[int, int]) -> None:
    app.post_message(events.Resize(Size(*size), Size(*size)))


async def open_palette(stage: Stage, pilot: Pilot[int]) -> tuple[int, int]:
    """Open the palette and return the position of its "view" command."""
    await pilot.press("ctrl+p", *"view")
    await wait_until(pilot, lambda: any(VIEW in line for line in screen_lines(stage.app)), turns=4_000)
    lines = screen_lines(stage.app)
    row = next(row for row, line in enumerate(lines) if VIEW in line)
    return lines[row].index(VIEW), row


async def test_palette_command_clicked_repeatedly_runs_once() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        main = stage.app.screen
        assert isinstance(main, MainScreen)
        x, y = await open_palette(stage, pilot)
        for _ in range(3):
            click(stage.app, x, y)
        await wait_until(pilot, lambda: stage.app.screen is main)
        await stage.settle(pilot)
        assert main.run_list_model.view is View.FAILED


async def test_click_outside_the_palette_closes_only_the_palette() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "ctrl+p")
        assert isinstance(stage.app.screen, Palette)
        click(stage.app, 0, 20)
        click(stage.app, 0, 20)
        await wait_until(pilot, lambda: not isinstance(stage.app.screen, Palette))
        await stage.settle(pilot)
        assert [type(screen) for screen in stage.app.screen_stack] == [MainScreen, InboxScreen]


async def test_clicks_during_a_resize_do_no_harm() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        x, y = await open_palette(stage, pilot)
        click(stage.app, x, y)
        resize(stage.app, (20, 5))
        click(stage.app, x, y)
        click(stage.app, 119, 39)
        resize(stage.app, SMALL)
        click(stage.app, x, y)
        await wait_until(pilot, lambda: not isinstance(stage.app.screen, Palette))
        await stage.settle(pilot)
        assert isinstance(stage.app.screen_stack[0], MainScreen)


async def test_click_below_the_commands_that_are_left_does_nothing() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        x, y = await open_palette(stage, pilot)
        await pilot.press(*"wxyz")
        click(stage.app, x, y)
        await stage.settle(pilot)
        assert isinstance(stage.app.screen, Palette)
        assert "nothing matches" in "\n".join(screen_lines(stage.app))


async def test_screen_closes_only_itself() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "question_mark")
        help_screen = stage.app.screen
        assert isinstance(help_screen, HelpScreen)
        help_screen.dismiss()
        help_screen.dismiss()
        await stage.settle(pilot)
        assert [type(screen) for screen in stage.app.screen_stack] == [MainScreen, InboxScreen]
