"""A link opens the run at the visit and the event, and `L` copies it again; a run that is not known is named."""

from __future__ import annotations

from scaicore_tui.runs.deep_link import DeepLink
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import STANDARD, Stage, wait_until
from tests.support.feed_simulator import FeedSim
from tests.support.scene import completed_triage, failed_batch

RUN = "exec_5c1d"


def stage(link: DeepLink) -> Stage:
    one = Stage(FeedSim([*completed_triage("exec_other", 0), *failed_batch(RUN, 60)]))
    one.app.link_to_open = link
    return one


async def test_a_link_opens_the_visit_as_of_the_event_and_is_copied_again() -> None:
    one = stage(DeepLink(RUN, "", "pay", 2, 8))
    async with one.app.run_test(size=STANDARD) as pilot:
        await one.poll(pilot)
        await wait_until(pilot, lambda: isinstance(one.app.screen, RunScreen))
        await one.settle(pilot)
        assert "as of event 8 of 11" in one.text
        assert "›     ✓ pay" in one.text
        await pilot.press("L")
        await wait_until(pilot, lambda: f"scai:127.0.0.1%3A1/{RUN}#pay.2@8" in one.text)
        await pilot.press("escape", "escape", "L")
        await wait_until(pilot, lambda: f"{RUN}#pay.2\n" in one.text)


async def test_a_run_that_is_not_known_is_named() -> None:
    one = stage(DeepLink("exec_missing"))
    async with one.app.run_test(size=STANDARD) as pilot:
        await one.poll(pilot)
        await one.settle(pilot)
        await one.poll(pilot)
        await wait_until(pilot, lambda: "scai:/exec_missing" in one.text)
        assert one.app.link_to_open is None
