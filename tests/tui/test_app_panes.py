"""The panes of the main screen: enlarged, resized by keys and by the mouse, on every screen down to the smallest."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.pane_sizes import BOUNDS, USUAL, Border, PaneSizes
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.screens.panes import Panes
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage
from tests.support.scene import busy_feed


def panes_of(stage: Stage) -> Panes:
    screen = stage.app.screen
    assert isinstance(screen, MainScreen)
    return screen.panes


def heights(panes: Panes) -> list[int]:
    """Return the heights of the lists that are shown; 0 of one that is not."""
    return [rows.size.height if rows.region else 0 for rows in panes.lists.values()]


@pytest.mark.parametrize("border", Border)
def test_a_border_stays_within_its_bounds(border: Border) -> None:
    sizes, (first, last) = PaneSizes(), BOUNDS[border]
    assert sizes.is_usual
    assert sizes.style(border) is None
    assert first < USUAL[border] < last
    assert sizes.move(border, 100)
    assert not sizes.move(border, 1)
    assert sizes.style(border) == f"{last * 100:.3f}%"
    assert sizes.set_share(border, -3)
    assert sizes.style(border) == f"{first * 100:.3f}%"
    sizes.reset()
    assert sizes.style(border) is None


async def drag(pilot: Pilot[int], begin: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down(offset=begin)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.pause()


async def test_panes_are_enlarged_and_resized_on_every_screen() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        panes = panes_of(stage)
        usual = panes.runs.size.width
        await pilot.press("plus", "plus")
        wider = panes.runs.size.width
        assert usual + 8 <= wider <= usual + 14
        await pilot.press(*["plus"] * 9)
        assert "+: the pane is as large as it can be" in stage.text
        assert panes.nodes.size.width >= 30
        await pilot.press("tab", "plus", "equals_sign")
        assert panes.runs.size.width == usual
        await drag(pilot, (panes.runs.region.right, 10), (50, 10))
        assert panes.runs.size.width in (49, 50)
        inbox = panes.inbox.size.height
        await drag(pilot, (30, panes.inbox.region.y - 1), (30, panes.inbox.region.y - 6))
        assert panes.inbox.size.height == inbox + 5

        await pilot.press("z")
        assert heights(panes)[0] == heights(panes)[2] == 0
        assert panes.nodes.size.width >= 118
        assert "+: the pane has all" not in stage.text
        await pilot.press("plus", "tab")
        assert "+: the pane has all of the screen" in stage.text
        assert panes.inbox.size.height > 30, "the next pane is as large"
        await pilot.press("escape", "escape")
        assert all(heights(panes)), "esc shows all panes"
        assert panes.runs.size.width in (49, 50)

        await pilot.press("shift+tab", "shift+tab")
        for width, height in (STANDARD, (72, 20), (109, 60), (200, 50)):
            await pilot.resize_terminal(width, height)
            await stage.settle(pilot)
            for key in ("plus", "minus"):
                await pilot.press(*[key] * 12)
                assert min(heights(panes)[:2]) >= 1, (width, height, key)
                assert panes.region.bottom <= height - 1
                assert min(panes.runs.size.width, panes.nodes.size.width) >= 30
        await pilot.resize_terminal(*SMALL)
        await stage.settle(pilot)
        await pilot.press("escape", "z")
        assert "z: one pane fits: tab shows the next" in stage.text
        assert panes.active_context is KeyContext.RUNS
        assert panes.runs.size.width == SMALL[0]
