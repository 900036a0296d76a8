"""Options of any JSON type in the answer dialog: shown as JSON and sent with their type."""

from __future__ import annotations

import pytest

from tests.support.app_stage import Stage, wait_until
from tests.support.builders import checkpoint, started
from tests.support.feed_simulator import FeedSim
from tests.support.write_server import AcceptingServer


@pytest.mark.parametrize(
    ("key", "shown", "sent"), [("1", "true", b"true"), ("2", '"true"', b'"true"'), ("3", "null", b"null")]
)
async def test_option_keeps_its_json_type(key: str, shown: str, sent: bytes) -> None:
    row = checkpoint(status="PENDING", options=[True, "true", None, {"id": 1.5, "label": "Half more"}])
    stage = Stage(FeedSim([started()], checkpoints=[row]))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("tab", "tab", "a", key)
        stage.clock.advance(1)
        await pilot.pause()
        assert f"{key} {shown}" in stage.text
        assert "True" not in stage.text
        assert "None" not in stage.text
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts[0][1] == b'{"resolution":%s}' % sent
