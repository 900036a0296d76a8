"""The app tells which runs take longer than usual, what is usual, and how frequent an error is."""

from __future__ import annotations

from tests.support.app_stage import WIDE, Stage
from tests.support.feed_simulator import FeedSim
from tests.support.scene import RunEvents, failed_batch

HINT = "draft: slower than 95 of 100 (n 24)"


def feed() -> FeedSim:
    """Return a feed with 24 runs of a Core that took two seconds, an open one that began long ago, and a failed one."""
    past = [
        RunEvents(f"exec_{number}", "core_a", -3_600 + number * 60).start(n=1).step("draft", "rigid", 2_000, 1).end({})
        for number in range(24)
    ]
    slow = RunEvents("exec_slow", "core_a", -600).start(n=1).enter("draft", "rigid")
    failed = [event for number in range(3) for event in failed_batch(f"exec_bad{number}", -400 + number)]
    events = [event for run in (*past, slow) for event in run.events] + failed
    return FeedSim(log=sorted(events, key=lambda event: event.at or 0))


async def test_slow_runs_and_usual_durations_are_told() -> None:
    stage = Stage(feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("slash", *"is:slow", "enter")
        await stage.settle(pilot)
        assert "Runs  1 of 1" in stage.text
        row, facts = stage.lines[stage.run_line("exec_slow")], stage.lines[4:6]
        assert "draft: slower than 95 of 100" in row, "the row tells it"
        assert f"{HINT} · no event for" in facts[0], "and the facts beside the list"
        assert "11 min; usual gap ≤ 2 s" in facts[1]
        await pilot.press("enter")
        await stage.settle(pilot)
        assert f"{HINT} · no event for 11 min; usual gap ≤ 2 s  usual 2.0s" in stage.text
        await pilot.press("tab")
        await stage.settle(pilot)
        assert "  slower than 95 of 100 (n 24)" in stage.text, "the inspector of the step"

        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        exited = RunEvents("exec_slow", "core_a", 95).add("block.exited", node_id="draft", block_kind="rigid")
        stage.sim.log += exited.end({}).events
        await stage.poll(pilot)
        await stage.wait(pilot, 31)
        assert "Runs  0" in stage.text, "a run that is over is not slow"

        await pilot.press("escape", "escape", "e", "tab")
        await stage.settle(pilot)
        assert "this error: 3 of the last 3 runs" in stage.text
