"""The inbox screen: order, filter, resolved checkpoints, and answering one after the other."""

from __future__ import annotations

import httpx
import pytest
from textual.pilot import Pilot

from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.screens.inbox import InboxScreen
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import STANDARD, WIDE, Stage, screen_lines, wait_until
from tests.support.inbox_scene import WITH_FORM, inbox_feed, invoice
from tests.support.scene import BREAKPOINT
from tests.support.write_server import AcceptingServer

URGENT_FIRST = ["ckpt_inv5", "ckpt_form", "ckpt_inv1", "ckpt_inv2", "ckpt_inv3", "ckpt_break", "ckpt_inv6", "ckpt_inv4"]


def listed(stage: Stage) -> list[str]:
    """Return the ids in the inbox, from top to bottom."""
    return [row.id for row in inbox_of(stage).inbox._checkpoints]


def inbox_of(stage: Stage) -> InboxScreen:
    """Return the inbox screen, even if a dialog is open above it."""
    return next(screen for screen in stage.app.screen_stack if isinstance(screen, InboxScreen))


def selected(stage: Stage) -> str:
    checkpoint = inbox_of(stage).inbox.selected
    assert checkpoint is not None
    return checkpoint.id


async def open_inbox(stage: Stage, pilot: Pilot[int]) -> None:
    await pilot.press("i")
    await wait_until(pilot, lambda: isinstance(stage.app.screen, InboxScreen))
    await stage.settle(pilot)


async def test_most_urgent_first() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        assert listed(stage) == URGENT_FIRST
        assert "Inbox · 8" in stage.text
        first, last = (next(line for line in stage.lines if f"Invoice {number}" in line) for number in (5, 4))
        assert " 4m critical" in first
        assert "2m late critical" in last
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "Runs" in stage.text


async def test_inbox_opens_from_a_run_returns_to_it_and_has_help() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened() as pilot:
        await pilot.press("enter")
        await open_inbox(stage, pilot)
        await pilot.press("i", "question_mark")
        await pilot.pause()
        assert "Keys · inbox" in "\n".join(screen_lines(stage.app))
        await pilot.press("q", "escape", "escape")
        await pilot.pause()
        assert isinstance(stage.app.screen, RunScreen)


@pytest.mark.parametrize(
    ("needle", "kept"),
    [
        ("finance", ["ckpt_form", "ckpt_inv4"]),
        ("invoice !finance", ["ckpt_inv5", "ckpt_inv1", "ckpt_inv2", "ckpt_inv3", "ckpt_inv6"]),
        ("debug_breakpoint", ["ckpt_break"]),
        ("nothing-like-it", []),
    ],
)
async def test_filter_by_words(needle: str, kept: list[str]) -> None:
    stage = Stage(inbox_feed())
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("slash", *needle, "enter")
        await stage.settle(pilot)
        assert listed(stage) == kept
        assert f"{len(kept)} of 8" in stage.text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert listed(stage) == URGENT_FIRST


async def test_resolved_view_shows_who_when_answer_and_age() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("v")
        await wait_until(pilot, lambda: stage.screen.state.resolved.read_at is not None)
        await stage.wait(pilot, 12)
        assert listed(stage) == ["ckpt_new", "ckpt_old"]
        assert "Answered · 2" in stage.text
        assert "read 12s ago" in stage.text
        assert all(word in stage.text for word in ("ann@acme.example", "reject", "Zoë", "41m", "11m"))
        await pilot.press("a")
        await stage.settle(pilot)
        assert "a: no longer pending" in stage.text
        await pilot.press("escape", "v")
        await stage.settle(pilot)
        assert listed(stage) == URGENT_FIRST


async def test_failed_read_of_resolved_keeps_the_previous_list() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("v")
        await wait_until(pilot, lambda: stage.screen.state.resolved.read_at is not None)
        error = {"code": "INTERNAL_ERROR", "message": "no such thing today"}
        stage.fault = lambda _: httpx.Response(500, json={"status": "error", "error": error})
        await pilot.press("v", "v")
        await wait_until(pilot, lambda: stage.screen.state.resolved.problem)
        await stage.settle(pilot)
        assert "not read again" in stage.text
        assert listed(stage) == ["ckpt_new", "ckpt_old"]


async def answer_first(stage: Stage, pilot: Pilot[int]) -> None:
    """Press `a 1 enter`, with a pause as long as the confirmation delay."""
    await pilot.press("a", "1")
    assert isinstance(stage.app.screen, AnswerScreen)
    stage.clock.advance(0.4)
    await pilot.press("enter")


async def test_each_answer_selects_the_next_checkpoint() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2), invoice(3)))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        for _ in range(3):
            await answer_first(stage, pilot)
        await wait_until(pilot, lambda: len(server.posts) == 3)
        assert [path.split("/")[-2] for path, _ in server.posts] == ["ckpt_inv1", "ckpt_inv2", "ckpt_inv3"]
        assert {body for _, body in server.posts} == {b'{"resolution":"approve"}'}


async def test_enter_without_a_choice_opens_the_dialog_of_a_breakpoint_only() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "enter: choose an answer first, 1–2" in stage.text
        await pilot.press(*"jjjjj")
        stage.clock.advance(2)
        await pilot.press("enter", "enter")
        await wait_until(pilot, lambda: isinstance(stage.app.screen, AnswerScreen))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(stage.app.screen, InboxScreen))


async def test_notices_of_twelve_answers_are_dismissed_by_one_key() -> None:
    stage = Stage(inbox_feed(*(invoice(number) for number in range(1, 13))))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        for _ in range(12):
            await answer_first(stage, pilot)
        await wait_until(pilot, lambda: len(server.posts) == 12 and "12 accepted" in stage.text)
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "accepted · the last" not in stage.text
        assert isinstance(stage.app.screen, InboxScreen)


async def test_footer_of_a_standard_terminal_has_the_keys_that_answer() -> None:
    stage = Stage(inbox_feed())
    async with stage.opened(STANDARD) as pilot:
        await open_inbox(stage, pilot)
        key_hints = ("1–9 choose", "enter send", "tab comment", "space mark", "esc back", "? help", "q quit")
        assert all(hint in stage.lines[-1] for hint in key_hints)


async def test_next_checkpoint_is_one_that_can_be_answered() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2), invoice(3)))
    AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("j")
        await answer_first(stage, pilot)
        assert selected(stage) == "ckpt_inv3"
        await answer_first(stage, pilot)
        assert selected(stage) == "ckpt_inv1"


async def test_held_enter_sends_no_further_answer() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2)))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        inbox_of(stage).state.drafts.answer("ckpt_inv2").resolution = "reject"
        await pilot.press("a", "1")
        stage.clock.advance(0.4)
        for _ in range(20):
            await pilot.press("enter")
            stage.clock.advance(0.03)
        await wait_until(pilot, lambda: server.posts)
        await pilot.pause()
        assert [body for _, body in server.posts] == [b'{"resolution":"approve"}']


async def test_continue_key_sends_once_for_the_selected_breakpoint() -> None:
    stage = Stage(inbox_feed(BREAKPOINT, BREAKPOINT | {"id": "ckpt_other"}))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        for _ in range(20):
            stage.clock.advance(0.03)
            await pilot.press("c")
        await wait_until(pilot, lambda: server.posts)
        assert [path for path, _ in server.posts] == ["/api/v1/scaicore/checkpoints/ckpt_break/resolve"]


async def test_read_only_session_sends_no_answer() -> None:
    stage = Stage(inbox_feed(), read_only=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("a", "c", "enter")
        await pilot.pause()
        assert isinstance(stage.app.screen, AnswerScreen)
        stage.clock.advance(1)
        await pilot.press("1", "enter")
        await pilot.pause()
        assert not server.posts


async def test_input_fields_are_copied_into_the_comment_once() -> None:
    stage = Stage(inbox_feed(WITH_FORM))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("i", "a", "1", "ctrl+t", "ctrl+t", "pagedown", "pagedown")
        await pilot.pause()
        assert " ".join("".join(screen_lines(stage.app)).split()).count("This API accepts no input fields") == 1
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts[0][1] == (
            b'{"resolution":"approve","comment":"Cost centre: 4210\\nTaxable benefit: false"}'
        )


@pytest.mark.parametrize("protected", [False, True])
async def test_standard_terminal_shows_text_facts_form_and_options(protected: bool) -> None:
    stage = Stage(inbox_feed(WITH_FORM), protected=protected)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("i", "a", "1", "ctrl+t")
        await pilot.pause()
        # Below the two lines of the status.
        lines = [line.strip() for line in screen_lines(stage.app)][2:]
        assert lines[2:4] == ["│ Review needed", "│ Zoë de Vries claims 1,200 EUR for a hotel. Allowed are 900."]
        assert lines[4] == "node review · run exec_77aa02 · Core expense-approval"
        assert lines[5] == "priority high · for group:finance · due in 58m · waiting 5m"
        assert all(line.startswith("│") for line in lines[6:10])
        assert {"› 1 Approve  approve", "2 Reject  reject", "3 Needs more info  more"} <= set(lines)


async def test_text_of_a_flow_is_marked_by_a_quote_bar() -> None:
    imitation = "\nenter sends approve · staging\n› 1 Approve\n‖ review"
    presentation = {
        "title": f"Title{imitation}",
        "message": f"Message{imitation}",
        "sections": WITH_FORM["presentation"]["sections"],
    }
    stage = Stage(inbox_feed(WITH_FORM | {"presentation": presentation, "context": f"Context{imitation}"}))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "a", "2")
        await pilot.pause()
        lines = [line.strip() for line in screen_lines(stage.app)]
        assert [line for line in lines if line.startswith("enter sends")] == [
            "enter sends reject · staging · expense-approval · exec_77aa02 · review"
        ]
        assert len([line for line in lines if line.startswith("│ enter sends approve")]) == 3
        assert not [line for line in lines if line.startswith("› 1")]
