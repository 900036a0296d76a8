"""A simulated feed that accepts writes and counts them."""

from __future__ import annotations

import json
from typing import Any

import httpx

from scaicore_tui.tui.dialogs.answer import AnswerScreen
from tests.support.app_stage import Stage
from tests.support.scene import REVIEW


class AcceptingServer:
    """Accepts writes and responds to them with `status`; the feed keeps working."""

    def __init__(self, stage: Stage, status: int = 200) -> None:
        self.posts: list[tuple[str, Any]] = []
        self.row: dict[str, Any] = {}
        error = {"code": "AUTHZ_PERMISSION_DENIED", "message": "scaicore:manage is required"}
        self.refusal = {"status": "error", "error": error, "meta": {"request_id": "req_0c7"}}
        self._stage, self._status = stage, status
        stage.fault = self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return self._stage.sim.respond(request)
        self.posts.append((request.url.path, request.content))
        return httpx.Response(
            self._status, json={"data": self._accepted(request)} if self._status == 200 else self.refusal
        )

    def _accepted(self, request: httpx.Request) -> dict[str, Any]:
        """Return the data of the response: the resolved checkpoint, or an invocation without output."""
        if not request.url.path.endswith("/resolve"):
            return {"output": None}
        answer = {"id": request.url.path.split("/")[-2], "resolution": json.loads(request.content)["resolution"]}
        return REVIEW | answer | self.row


class SelectiveServer(AcceptingServer):
    """Rejects answers to some checkpoints: `refused` maps their ids to status codes."""

    def __init__(self, stage: Stage, **refused: int) -> None:
        super().__init__(stage)
        self._refused = refused

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = super().__call__(request)
        status = self._refused.get(request.url.path.split("/")[-2], 0)
        if request.method != "POST" or not status:
            return response
        error = {"code": "VALIDATION_ERROR", "message": "this one is odd"}
        return httpx.Response(status, json={"status": "error", "error": error, "meta": {"request_id": "req_9"}})


def answer_dialog(stage: Stage) -> AnswerScreen:
    """Return the open dialog."""
    screen = stage.app.screen
    assert isinstance(screen, AnswerScreen)
    return screen
