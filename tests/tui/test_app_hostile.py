"""The app with unreadable events, denied listings and very long runs."""

from __future__ import annotations

import httpx

from scaicore_tui.protocol import decode_event
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.builders import MILLISECOND, NOON, entered, started
from tests.support.feed_simulator import FeedSim
from tests.support.hostile.bodies import UNREADABLE
from tests.support.scene import busy_feed

LONG_RUN_EVENTS = 2_000


async def test_unreadable_events_are_counted() -> None:
    sim = busy_feed()
    sim.log += map(decode_event, UNREADABLE.values())
    stage = Stage(sim)
    async with stage.opened(WIDE):
        assert f" · {len(UNREADABLE)} unreadable" in stage.lines[0]
        assert "1 of 27" in stage.text


async def test_unread_checkpoints_are_not_shown_as_none() -> None:
    stage = Stage(busy_feed())

    def deny_checkpoints(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return stage.sim.respond(request)
        return httpx.Response(403, json={"detail": "scaicore:view is missing"})

    stage.fault = deny_checkpoints
    async with stage.opened(WIDE):
        assert "checkpoints: “scaicore:view is missing” [403] · none read yet · the rest is live" in stage.text
        assert "Waiting ?" in stage.text
        assert "waiting checkpoints have not been read yet" in stage.text
        assert "1 of 26" in stage.text


async def test_long_run_is_shown_once_loaded() -> None:
    steps = [entered("tick", NOON + number * MILLISECOND, "exec_long") for number in range(LONG_RUN_EVENTS + 100)]
    stage = Stage(FeedSim([started(NOON - 1, "exec_long"), *steps, started(NOON + 10**9, "exec_new")]))
    async with stage.opened() as pilot:
        await pilot.press("j")
        await wait_until(pilot, lambda: "only the newest visits are kept" in stage.text)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "old visits are not kept" in stage.text)
        assert "only the newest visits are kept" in stage.text
