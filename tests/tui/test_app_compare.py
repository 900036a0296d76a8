"""A run compared with another one: its partner, the first difference, the values side by side, and the time cursor."""

from __future__ import annotations

import json

import pytest

from scaicore_tui.runs import Summary
from scaicore_tui.tui.render.runs import short_id
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage
from tests.support.clipboard import Copied
from tests.support.demo_runs import research_feed
from tests.support.feed_simulator import FeedSim
from tests.support.scene import TRIAGE, RunEvents, busy_feed


@pytest.fixture(scope="module")
def feed() -> FeedSim:
    """Return the three runs of the research flow. Made outside of an event loop: the engine has one of its own."""
    return research_feed()


def cursor_lines(stage: Stage) -> list[str]:
    return [line for line in stage.lines if line.startswith("›")]


def _listed(stage: Stage, row: int) -> Summary | None:
    main = stage.app.screen
    assert isinstance(main, MainScreen)
    return main.run_list_model[row]


def compare_screen(stage: Stage) -> RunScreen:
    screen = stage.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def test_d_names_the_partner_and_selects_the_first_difference(feed: FeedSim) -> None:
    stage = Stage(feed)
    async with stage.opened(WIDE) as pilot:
        await stage.settle(pilot)
        assert "first difference: plan, as the input differs" in stage.text
        await pilot.press("d")
        await stage.settle(pilot)
        assert "the newest run that completed on the usual path" in stage.text
        assert "first difference: plan · the input of the runs differs   same input: no, 1 difference" in stage.text
        assert cursor_lines(stage)[0].startswith("› ≠ plan ")
        # The values of the selected row are below, at their first difference.
        assert "≠ │   [0]     │ Do heat pumps pay off in new buildings?" in stage.text
        await pilot.press("n", "n")
        assert "search_web ·1" in cursor_lines(stage)[0]
        await pilot.press("N", "N", "N", "N")
        assert "N: no step differs further up" in stage.text
        assert "≠ input of the run" in cursor_lines(stage)[0]
        await pilot.press("d")
        assert "d: the comparison is shown" in stage.text
        await pilot.press("escape", "escape")
        assert not isinstance(stage.app.screen, RunScreen)


async def test_d_compares_with_the_marked_run_or_the_two_marked_ones(feed: FeedSim) -> None:
    stage = Stage(feed)
    async with stage.opened(WIDE) as pilot:
        first, second, third = (run.execution_id for row in range(3) if (run := _listed(stage, row)) is not None)
        # The marked one, which may be another one than is chosen otherwise, with the selected one.
        await pilot.press("j", "space", "g", "d")
        await stage.settle(pilot)
        assert f"A  research  {short_id(first)}" in stage.text
        assert f"B  {short_id(second)}" in stage.text
        assert "the marked run" in stage.text
        # Of two, the one that was marked first comes first.
        await pilot.press("escape", "G", "space", "g", "d")
        await stage.settle(pilot)
        assert f"A  research  {short_id(second)}" in stage.text
        assert f"B  {short_id(third)}" in stage.text
        await pilot.press("escape", "g", "space", "d")
        await pilot.pause()
        assert "d: 3 runs are marked: mark one, or two, to compare them" in stage.text


async def test_enter_shows_the_values_of_both_and_escape_comes_back(
    feed: FeedSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(feed)
    found = Copied(stage, monkeypatch)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("enter", "2", "d")
        await stage.settle(pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "plan           A ✓ exited" in stage.text
        assert cursor_lines(stage)[0].startswith("› ≠ │   [0]     │ Do heat pumps pay off in new")
        await pilot.press("n")
        assert cursor_lines(stage)[0].startswith("› ≠ │   [1]")
        await pilot.press("n")
        assert "n: no value differs further down" in stage.text
        await pilot.press("y")
        await stage.settle(pilot)
        copied = json.loads(found[-1])
        assert copied["path"] == "queries[1]"
        assert [copied[side].endswith("criticism") for side in "ab"] == [True, True]
        await pilot.press("slash", *"claim", "enter")
        assert "claim     │ It depends" in cursor_lines(stage)[0]
        await pilot.press("slash", "escape", "k", "k", "k", "k", "k", "enter")
        assert "▸ queries" in stage.text
        # The notices about the copy have expired: escape goes back.
        await stage.wait(pilot, 60)
        await pilot.press("escape", "escape")
        assert "[2 Steps]" in stage.text
        await pilot.press("7", "Y")
        await stage.settle(pilot)
        document = json.loads(found[-1])
        assert document["first_divergence"] == {"node_id": "plan", "visit": 0, "cause": "input"}


async def test_another_run_of_the_core_is_chosen_and_opened(feed: FeedSim) -> None:
    stage = Stage(feed)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("d")
        await stage.settle(pilot)
        await pilot.press("left_square_bracket")
        assert "[: this is the first one" in stage.text
        await pilot.press("escape", "right_square_bracket")
        await stage.settle(pilot)
        assert "✗ failed 16.1s" in stage.text
        assert "2 of 2 [ ]" in stage.text
        # Both failed there: the cursor is on the first difference from this run.
        assert "= gather" in stage.text
        await pilot.press("right_square_bracket")
        assert "]: this is the last run to compare with" in stage.text
        await pilot.press("x")
        await stage.settle(pilot)
        assert "after 16.1s" in stage.lines[2]


async def test_a_marked_run_is_the_partner(feed: FeedSim) -> None:
    stage = Stage(feed)
    async with stage.opened(WIDE) as pilot:
        # Mark the run in the middle, and go back to the first one.
        await pilot.press("j", "space", "g", "d")
        await stage.settle(pilot)
        assert "✗ failed 16.1s  the marked run" in stage.text
        # The run that would be chosen.
        await pilot.press("left_square_bracket")
        await stage.settle(pilot)
        assert "the newest run that completed on the usual path" in stage.text
        # One that is marked is not compared with itself.
        await pilot.press("escape", "j", "d")
        await stage.settle(pilot)
        assert "✓ completed 24.8s  the newest run" in stage.text


async def test_the_run_is_compared_as_of_the_event_at_the_time_cursor(feed: FeedSim) -> None:
    stage = Stage(feed)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("enter", "0", "d")
        await stage.settle(pilot)
        assert "as of event 1 of 20" in stage.text
        assert "first difference: the input; all steps are alike" in stage.text
        assert "A goes on" in stage.text
        await pilot.press("right", "right")
        await stage.settle(pilot)
        assert "first difference: plan" in stage.text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "as of event" not in stage.text
        assert "≠ end of the run" in stage.text or "[7 Compare]" in stage.text


async def test_a_run_that_goes_on_is_compared_again() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("slash", *"exec_8f21c4", "enter", "d")
        await stage.settle(pilot)
        assert "A goes on" in stage.text
        assert "= reply " in stage.text
        assert compare_screen(stage).key_context.value == "compare"
        run = RunEvents("exec_8f21c4", TRIAGE, 88)
        run.add("block.exited", node_id="reply", block_kind="guarded", result_binding_value="Please wait.")
        stage.sim.log += run.end({"sent": True}).events
        await stage.poll(pilot)
        await stage.settle(pilot)
        assert "≠ reply " in stage.text
        assert "find_order " in cursor_lines(stage)[0]
        await pilot.press("n")
        await stage.settle(pilot)
        assert "│ We are sorry. The refund is on its way." in stage.text


async def test_a_key_without_a_run_says_why() -> None:
    stage = Stage(FeedSim())
    async with stage.opened(SMALL) as pilot:
        await pilot.press("d")
        assert "d: no run is selected" in stage.text
