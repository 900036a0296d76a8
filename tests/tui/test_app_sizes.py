"""Unusably small terminals: a window passes through such sizes while it is made smaller."""

from __future__ import annotations

import pytest

from tests.support.app_stage import STANDARD, Stage, wait_until
from tests.support.scene import busy_feed
from tests.support.write_server import AcceptingServer

UNUSABLE_SIZES = ((40, 10), (20, 5), (5, 40), (3, 3), (300, 3), (2, 1), (1, 1), (1, 24), (80, 1), (0, 0))
VIEWS = {
    "runs": (),
    "filter": ("/", "e"),
    "run": ("enter",),
    "inbox": ("i",),
    "form": ("i", "shift+tab", "enter"),
    "answer": ("i", "a"),
    "comment": ("i", "a", "tab"),
    "replay": ("j", "R"),
    "several": ("i", "space", "space", "a"),
    "help": ("?",),
    "palette": ("ctrl+p",),
}


# Of a protected profile, only these differ: a write is confirmed by typing.
WRITING = ("form", "answer", "comment", "replay", "several")
CASES = [
    *(pytest.param(view, False, id=view) for view in VIEWS),
    *(pytest.param(view, True, id=f"{view}-protected") for view in WRITING),
]


@pytest.mark.parametrize(("view", "protected"), CASES)
async def test_app_survives_any_size(view: str, protected: bool) -> None:
    stage = Stage(busy_feed(), protected=protected)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press(*VIEWS[view])
        await stage.settle(pilot)
        # The palette hides the headings of panes.
        heading = next((line for line in stage.lines if "▍" in line), stage.lines[1])[:6]
        for size in UNUSABLE_SIZES:
            await pilot.resize_terminal(*size)
            await pilot.press("down", "pagedown", "pageup")
        await pilot.resize_terminal(*STANDARD)
        await stage.settle(pilot)
        assert heading in stage.text


async def test_nothing_is_sent_while_the_terminal_is_too_small_to_read() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("a", "1")
        stage.clock.advance(1)
        for size in ((40, 7), (29, 24)):
            await pilot.resize_terminal(*size)
            await pilot.press("enter", "ctrl+s")
            await stage.settle(pilot)
        assert "Terminal too small" in " ".join(stage.text.split())
        await pilot.resize_terminal(40, 10)
        await stage.settle(pilot)
        assert not server.posts
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
