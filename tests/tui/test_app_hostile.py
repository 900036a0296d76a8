"""The app on a feed that is hostile, or answers only in part."""

from __future__ import annotations

import httpx

from scaicore_tui.protocol import decode_event
from scaicore_tui.runs.cache import MAX_INLINE_EVENTS
from tests.support.app_stage import WIDE, Stage, until
from tests.support.builders import MILLISECOND, NOON, entered, started
from tests.support.feed_simulator import FeedSim
from tests.support.hostile.bodies import UNREADABLE
from tests.support.scene import busy


async def test_what_can_not_be_read_is_counted() -> None:
    sim = busy()
    sim.log += map(decode_event, UNREADABLE.values())
    stage = Stage(sim)
    async with stage.opened(WIDE):
        assert f" · {len(UNREADABLE)} unreadable" in stage.lines[0]
        assert "1 of 27" in stage.text


async def test_what_was_never_read_is_not_said_to_be_nothing() -> None:
    stage = Stage(busy())

    def denied(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return stage.sim.answer(request)
        return httpx.Response(403, json={"detail": "scaicore:view is missing"})

    stage.trouble = denied
    async with stage.opened(WIDE):
        assert "checkpoints: “scaicore:view is missing” [403] · none was read · the rest is live" in stage.text
        assert "Waiting for you · ?" in stage.text
        assert "what waits was not read yet" in stage.text
        assert "1 of 26" in stage.text


async def test_a_long_run_is_shown_once_it_is_read() -> None:
    steps = [entered("tick", NOON + number * MILLISECOND, "exec_long") for number in range(MAX_INLINE_EVENTS + 100)]
    stage = Stage(FeedSim([started(NOON - 1, "exec_long"), *steps, started(NOON + 10**9, "exec_new")]))
    async with stage.opened() as pilot:
        await pilot.press("j")
        await until(pilot, lambda: "×2k" in stage.text)
        await pilot.press("enter")
        await until(pilot, lambda: "older visits" in stage.text)
        assert "only the newest visits are kept" in stage.text
