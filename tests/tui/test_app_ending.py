"""What comes in while the app ends, or before a screen is there, is no trouble."""

from __future__ import annotations

from scaicore_tui.session import Update
from scaicore_tui.tui.messages import SessionChanged
from tests.tui.scene import busy
from tests.tui.stage import Stage


async def test_an_update_to_a_screen_that_was_taken_apart_is_nothing() -> None:
    stage = Stage(busy())
    async with stage.opened() as pilot:
        screen = stage.screen
        await screen.remove_children()
        stage.app.on_session_changed(SessionChanged(Update(frozenset(stage.session.book.runs), checkpoints=True)))
        await screen.recompose()
        await pilot.pause()
        assert stage.app.is_running
