"""Protected profiles: nothing is sent until the confirmation word of the current choice is typed by hand."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.base import Dialog
from scaicore_tui.tui.dialogs.bulk import BulkScreen, ContinueAllScreen
from tests.support.app_stage import SMALL, STANDARD, Stage, screen_lines, wait_until
from tests.support.inbox_scene import inbox_feed, invoice
from tests.support.scene import BREAKPOINT, REVIEW, busy_feed
from tests.support.write_server import AcceptingServer

APPROVED = ("/api/v1/scaicore/checkpoints/ckpt_review/resolve", b'{"resolution":"approve"}')


def shown(stage: Stage) -> str:
    """Return the screen's text with wrapped lines joined."""
    return " ".join(" ".join(screen_lines(stage.app)).split())


def dialog(stage: Stage) -> Dialog:
    screen = stage.app.screen
    assert isinstance(screen, Dialog)
    return screen


async def press_slowly(stage: Stage, pilot: Pilot[int], *keys: str) -> None:
    """Press keys as slowly as a person does."""
    for key in keys:
        stage.clock.advance(0.4)
        await pilot.press(key)
    await pilot.pause()


@pytest.mark.parametrize("word", ["approve", "Approve"])
async def test_answer_is_sent_once_its_option_is_typed(word: str) -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "a", "1", "enter")
        assert "this profile is protected: type approve to send" in shown(stage)
        assert "first type approve: enter sends approve · staging" in shown(stage)
        await press_slowly(stage, pilot, *word[:-1], "enter", "ctrl+s")
        assert "first type approve" in shown(stage)
        assert not server.posts
        await press_slowly(stage, pilot, *word[-1])
        assert "first type" not in shown(stage)
        await press_slowly(stage, pilot, "enter", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts == [APPROVED]


@pytest.mark.parametrize("word", ["approv", "approved", "approve ", "APPROVE", "reject", "y"])
async def test_other_words_do_not_confirm(word: str) -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        keys = ("space" if char == " " else char for char in word)
        await press_slowly(stage, pilot, "a", "1", "tab", "tab", *keys, "enter", "ctrl+s", "tab", "enter")
        assert isinstance(dialog(stage), AnswerScreen)
        assert "first type approve" in shown(stage)
        assert not server.posts


async def test_another_option_needs_another_word() -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "a", "1", "enter", *"approve", "tab", "2")
        assert dialog(stage).confirm_field.value == ""
        await press_slowly(stage, pilot, "enter", "enter", "tab", "1", "enter")
        assert "first type approve" in shown(stage)
        assert not server.posts


async def test_word_must_be_typed_again_when_the_dialog_reopens() -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "a", "1", "enter", *"approve", "escape", "a", "enter")
        assert dialog(stage).confirm_field.value == ""
        assert not server.posts


@pytest.mark.parametrize("text", ["approve", "approve\n", "approve\r\napprove\r\n" * 40])
async def test_pasted_word_is_refused(text: str) -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "a", "1", "enter")
        stage.clock.advance(1)
        await stage.paste(pilot, text)
        stage.app.copy_to_clipboard(text)
        await press_slowly(stage, pilot, "ctrl+v", "enter")
        assert dialog(stage).confirm_field.value == ""
        assert "pasting is not accepted: first type approve" in shown(stage)
        assert not server.posts


async def test_page_pasted_key_by_key_confirms_nothing() -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "a", "1")
        stage.clock.advance(1)
        stage.press_fast(*["enter", *"approve"] * 5, "enter", "x")
        await wait_until(pilot, lambda: dialog(stage).confirm_field.value == "approve" * 5 + "x")
        assert not server.posts


async def test_free_text_must_be_typed_twice() -> None:
    stage = Stage(inbox_feed(REVIEW | {"options": []}), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "i", "a", *"no", "enter", *"no", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts[0][1] == b'{"resolution":"no"}'


async def test_continue_key_opens_the_dialog_and_sends_nothing() -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "tab", "tab", "j", "c", "c", "enter", "enter")
        assert "this profile is protected: type continue to send" in shown(stage)
        assert not server.posts
        await press_slowly(stage, pilot, *"continue", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts == [("/api/v1/scaicore/checkpoints/ckpt_break/resolve", b'{"resolution":"continue"}')]


async def test_bulk_answer_is_sent_once_its_option_is_typed() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2)), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "i", "space", "j", "space", "a", "2", "enter", *"no", "enter")
        assert isinstance(dialog(stage), BulkScreen)
        assert "first type reject" in shown(stage)
        assert not server.posts
        await press_slowly(stage, pilot, "backspace", "backspace", *"reject", "ctrl+s")
        await wait_until(pilot, lambda: len(server.posts) == 2)
        await pilot.pause()
        assert "protected" not in shown(stage)
        await press_slowly(stage, pilot, "tab", "enter")
        assert len(server.posts) == 2


async def test_all_breakpoints_continue_once_the_word_is_typed() -> None:
    pending = [BREAKPOINT | {"id": f"ckpt_b{number}", "node_id": "find_order"} for number in (1, 2)]
    stage = Stage(inbox_feed(*pending, BREAKPOINT | {"node_id": "reply"}), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "i", "C", "2", "enter", *"continue", "tab", "1")
        assert isinstance(dialog(stage), ContinueAllScreen)
        assert dialog(stage).confirm_field.value == ""
        await press_slowly(stage, pilot, "enter", "enter")
        assert not server.posts
        await press_slowly(stage, pilot, *"continue", "enter")
        await wait_until(pilot, lambda: len(server.posts) == 2)
        assert {body for _, body in server.posts} == {b'{"resolution":"continue"}'}


async def test_replay_is_sent_once_its_core_is_typed() -> None:
    stage = Stage(busy_feed(), protected=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await press_slowly(stage, pilot, "e", "R", "enter", "enter")
        assert "this profile is protected: type core_invoice-batch to send" in shown(stage)
        await press_slowly(stage, pilot, *"core_invoice-batch", "tab", "tab", "x", "tab")
        assert dialog(stage).confirm_field.value == "", "for another entity it must be typed again"
        await press_slowly(stage, pilot, "enter")
        assert not server.posts
        await press_slowly(stage, pilot, *"core_invoice-batch", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert [body for _, body in server.posts] == [b'{"input":{"invoices": [1, 2, 3]},"entity_id":"x"}']


async def test_read_only_protected_session_asks_for_no_word() -> None:
    stage = Stage(busy_feed(), protected=True, read_only=True)
    async with stage.opened() as pilot:
        await pilot.press("tab", "tab", "enter")
        await pilot.pause()
        assert "protected" not in shown(stage)


@pytest.mark.parametrize("size", [STANDARD, SMALL])
async def test_word_options_and_hint_are_visible_together(size: tuple[int, int]) -> None:
    stage = Stage(busy_feed(), protected=True)
    async with stage.opened(size) as pilot:
        await press_slowly(stage, pilot, "a", "1")
        text = shown(stage)
        assert all(part in text for part in ("1 Approve", "3 Needs more info", "type approve to send", "first type"))
