"""A simulated feed that accepts invocations, and helpers for the replay dialog."""

from __future__ import annotations

from typing import Any

import httpx
from textual.pilot import Pilot

from scaicore_tui.tui.dialogs.replay import ReplayScreen
from scaicore_tui.tui.widgets.text_areas import JsonEditor
from tests.support.app_stage import Stage, screen_lines
from tests.support.builders import NOON, SECOND, completed, started
from tests.support.feed_simulator import FeedSim


class InvokeServer:
    """Accepts invocations and responds to them with `status`; the feed keeps working."""

    def __init__(self, stage: Stage, status: int = 200) -> None:
        self.bodies: list[bytes] = []
        self._stage, self._status = stage, status
        stage.fault = self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return self._stage.sim.respond(request)
        self.bodies.append(request.content)
        if self._status != 200:
            error = {"code": "MODEL_UNAVAILABLE", "message": "no model is up"}
            return httpx.Response(self._status, json={"status": "error", "error": error, "meta": {}})
        return httpx.Response(200, json={"data": {"output": None, "request_id": "req_1", "duration_ms": 5}})


def replay_dialog(stage: Stage) -> ReplayScreen:
    screen = stage.app.screen
    assert isinstance(screen, ReplayScreen)
    return screen


def json_editor(stage: Stage) -> JsonEditor:
    return replay_dialog(stage).query_one(JsonEditor)


def unwrapped_text(stage: Stage) -> str:
    """Return the screen as one text, with line breaks as spaces."""
    return " ".join(" ".join(screen_lines(stage.app)).split())


def feed_started_with(**payload: Any) -> FeedSim:
    """Return a feed with one run whose start event has that payload."""
    return FeedSim([started(execution="exec_1", **payload), completed(NOON + SECOND, "exec_1")])


async def replace_text(stage: Stage, pilot: Pilot[int], text: str) -> None:
    """Select all of the text and type over it."""
    await pilot.press("f7", *({"\n": "enter"}.get(char, char) for char in text))
