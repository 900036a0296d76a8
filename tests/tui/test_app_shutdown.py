"""Updates that arrive while the app ends, or before a screen exists, cause no error."""

from __future__ import annotations

import pytest

from scaicore_tui.tui.bridge import Bridge
from scaicore_tui.tui.messages import SessionChanged
from tests.support.app_stage import Stage
from tests.support.scene import busy_feed


async def test_update_to_a_removed_screen_is_ignored() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        screen = stage.screen
        await screen.remove_children()
        stage.app.on_session_changed(SessionChanged(stage.session.everything()))
        await screen.recompose()
        await pilot.pause()
        assert stage.app.is_running


async def test_response_received_before_the_screen_exists_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, start = Stage(busy_feed()), Bridge.start

    async def start_late(bridge: Bridge) -> None:
        await stage.session._pollers.fetch()
        start(bridge)

    monkeypatch.setattr(Bridge, "start", lambda bridge: stage.app.run_worker(start_late(bridge)))
    async with stage.opened():
        assert "exec_8f21c4" in stage.text
        assert "Review needed" in stage.text
