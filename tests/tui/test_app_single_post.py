"""One POST per confirmation, despite early presses, held keys, double clicks, or a list that moves under the dialog."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from scaicore_tui.tui.screens.inbox import InboxScreen
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.inbox_scene import inbox_feed, invoice
from tests.support.scene import BREAKPOINT, REVIEW, busy_feed
from tests.support.write_server import AcceptingServer, answer_dialog

APPROVED = ("/api/v1/scaicore/checkpoints/ckpt_review/resolve", b'{"resolution":"approve"}')


async def assert_sent_once(stage: Stage, pilot: Pilot[int], server: AcceptingServer) -> None:
    """Wait for one answer and check that no second one follows."""
    await wait_until(pilot, lambda: server.posts)
    await stage.settle(pilot)
    await stage.poll(pilot)
    assert server.posts == [APPROVED]


async def test_confirmation_right_after_opening_is_refused() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "1", "enter", "enter")
        assert not server.posts
        assert answer_dialog(stage).was_too_soon
        stage.clock.advance(0.4)
        await pilot.press("enter", "enter", "enter")
        await assert_sent_once(stage, pilot, server)
        assert "accepted" in stage.text


@pytest.mark.parametrize("key", ["enter", "ctrl+s"])
async def test_held_key_sends_nothing_until_released_and_then_once(key: str) -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "1")
        for _ in range(20):
            await pilot.press(key)
            stage.clock.advance(0.03)
        assert not server.posts
        stage.clock.advance(0.4)
        stage.press_fast(*[key] * 20)
        await assert_sent_once(stage, pilot, server)


async def test_double_click_on_an_option_only_chooses() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a")
        stage.clock.advance(1)
        await stage.click(pilot, "2 Reject", times=2)
        await stage.settle(pilot)
        assert answer_dialog(stage).resolution == "reject"
        assert not server.posts


async def test_double_click_on_send_sends_once_and_hits_nothing_below() -> None:
    stage = Stage(inbox_feed(REVIEW, BREAKPOINT))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("i", "a", "1")
        await stage.click(pilot, "enter send", times=2)
        await pilot.pause()
        assert not server.posts, "the dialog opened only just now"
        stage.clock.advance(1)
        await pilot.click(offset=(0, 0))
        await stage.click(pilot, "enter send", times=3)
        await assert_sent_once(stage, pilot, server)
        assert isinstance(stage.app.screen, InboxScreen)


async def test_opened_checkpoint_is_answered_even_if_its_row_moves() -> None:
    stage = Stage(inbox_feed(REVIEW, invoice(1)))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "a", "1")
        stage.sim.checkpoints = [invoice(2, priority="critical"), invoice(1), REVIEW, invoice(3, priority="critical")]
        stage.clock.advance(5)
        await wait_until(pilot, lambda: len(stage.session.checkpoints) == 4)
        assert answer_dialog(stage).state.pending[0].id == "ckpt_inv2"
        await pilot.press("enter")
        await assert_sent_once(stage, pilot, server)


async def test_selection_is_kept_when_the_list_is_sorted_again() -> None:
    stage = Stage(inbox_feed(REVIEW, invoice(1)))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i")
        stage.sim.checkpoints = [invoice(2, priority="critical"), invoice(1), REVIEW]
        await stage.poll(pilot)
        await pilot.press("a", "1")
        stage.clock.advance(1)
        await pilot.press("enter")
        await assert_sent_once(stage, pilot, server)


async def test_double_click_on_a_footer_key_presses_it_once() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await stage.click(pilot, "v view", times=2)
        await stage.settle(pilot)
        assert "  failed  of 26 runs" in stage.text
