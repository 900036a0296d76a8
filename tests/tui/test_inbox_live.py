"""End to end: twelve different reviews answered with 24 keys, eight alike with three, on the embedded ScaiGrid."""

from __future__ import annotations

import random
from collections import Counter

from scaicore_tui.actions import Progress
from scaicore_tui.config import Target
from scaicore_tui.config.target import Api
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.grid.demo.scenarios import SCENARIOS
from scaicore_tui.session import Session
from scaicore_tui.tui import DebuggerApp
from tests.support.app_stage import WIDE, screen_lines, wait_until
from tests.support.grid import MANAGER, Served, serving
from tests.support.grid_api import run_to_end

MAX_PAUSES = 300
INTERVAL_S = 0.2
WITH_BREAKPOINTS = ("core_debug-session",)
EXPENSES = "core_expense-approval"
# Of the simulated runs some fail, and some need no review.
MAX_RUNS = 120


async def make_reviews(served: Served, count: int, core_id: str | None = None) -> None:
    """Run Cores, all or one, until so many runs wait for a review."""
    rng = random.Random(5)  # noqa: S311  (data of a test)
    wanted = [one for one in SCENARIOS if one.needs_review and one.core_id not in WITH_BREAKPOINTS]
    wanted = [one for one in wanted if core_id in (None, one.core_id)]
    for number in range(MAX_RUNS):
        if len(served.grid.store.checkpoint_table.pending()) == count:
            return
        scenario = wanted[number % len(wanted)]
        await run_to_end(served, scenario.core_id, scenario.make_input(rng))
    raise AssertionError("too few runs wait")


def answers(served: Served) -> Counter[str]:
    """Return how often each answer was given, by the resolved checkpoints of the grid."""
    rows = served.grid.store.checkpoints()
    return Counter(str(row.body["resolution"]) for row in rows if row.status == "resolved")


async def test_twelve_different_reviews_take_24_keys_and_eight_alike_take_three() -> None:
    async with serving() as served:
        await make_reviews(served, 12)
        kinds = {row.core_id for row in served.grid.store.checkpoint_table.pending()}
        assert len(kinds) > 1
        target = Target(url=served.url, api=Api.SCAIGRID, name="live", token=Secret(MANAGER), interval=INTERVAL_S)
        session = Session(target)
        session.client.budget.limit = 6_000
        app = DebuggerApp(session)
        async with session, app.run_test(size=WIDE) as pilot:
            await wait_until(pilot, lambda: len(session.checkpoints) == 12, MAX_PAUSES)
            await pilot.press("i")
            pressed = ["1", "enter"] * 12
            await pilot.press(*pressed)
            await wait_until(pilot, lambda: len(session.submissions) == 12, MAX_PAUSES)
            await wait_until(
                pilot, lambda: all(one.progress is Progress.CONFIRMED for one in session.submissions), MAX_PAUSES
            )
            assert len({one.target_id for one in session.submissions}) == 12
            assert sum(answers(served).values()) == 12
            await make_reviews(served, 8, EXPENSES)
            await wait_until(pilot, lambda: len(session.checkpoints) == 8, MAX_PAUSES)
            await pilot.pause()
            await pilot.press("asterisk", "2", "enter")
            await wait_until(
                pilot,
                lambda: [one.progress for one in session.submissions[12:]] == [Progress.CONFIRMED] * 8,
                MAX_PAUSES,
            )
            assert answers(served)["reject"] == 8
            await wait_until(pilot, lambda: "✓ rejected “" in "\n".join(screen_lines(app)), MAX_PAUSES)
