"""Bulk answers: marks, one POST and one result for each listed checkpoint, and nothing else is sent."""

from __future__ import annotations

from collections import Counter

from textual.pilot import Pilot

from scaicore_tui.tui.dialogs.bulk import BulkScreen
from scaicore_tui.tui.screens.inbox import InboxScreen
from scaicore_tui.tui.state import AppState, Draft
from tests.support.app_stage import WIDE, Stage, screen_lines, wait_until
from tests.support.inbox_scene import inbox_feed, invoice
from tests.support.scene import BREAKPOINT, EXPENSES, REVIEW, RunEvents, waiting_expense
from tests.support.write_server import AcceptingServer, SelectiveServer

INVOICES = [invoice(number) for number in (1, 2, 3)]
AT_NODE = [BREAKPOINT | {"id": f"ckpt_b{number}", "node_id": "find_order"} for number in (1, 2)]
ELSEWHERE = BREAKPOINT | {"id": "ckpt_b3", "node_id": "reply"}


def answered(server: AcceptingServer) -> list[str]:
    """Return the ids of the checkpoints that were answered, in the order of sending."""
    return [path.split("/")[-2] for path, _ in server.posts]


def shown(stage: Stage) -> str:
    return "\n".join(screen_lines(stage.app))


async def open_inbox(stage: Stage, pilot: Pilot[int], *keys: str) -> None:
    """Open the inbox and press `keys` in it."""
    await pilot.press("i", *keys)
    await wait_until(pilot, lambda: any(isinstance(screen, InboxScreen) for screen in stage.app.screen_stack))
    await pilot.pause()


async def confirm(stage: Stage, pilot: Pilot[int], *keys: str) -> None:
    """Press `keys` in the dialog, then confirm after the delay."""
    assert isinstance(stage.app.screen, BulkScreen)
    await pilot.press(*keys)
    stage.clock.advance(0.4)
    await pilot.press("enter")


async def wait_for_results(stage: Stage, pilot: Pilot[int]) -> str:
    """Wait until the batch has finished and return the dialog's text."""
    await wait_until(pilot, lambda: _state(stage).finished_batches)
    await pilot.pause()
    return shown(stage)


def _state(stage: Stage) -> AppState:
    screen = stage.app.screen
    assert isinstance(screen, BulkScreen)
    return screen.state


async def test_marks_stay_on_their_checkpoints() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot, "space", "j", "space")
        assert "3 · 2 marked" in shown(stage)
        stage.sim.checkpoints = [*INVOICES, invoice(9, priority="critical")]
        await stage.poll(pilot)
        marked = [line for line in stage.lines if "■" in line]
        assert ["Invoice 1" in marked[0], "Invoice 3" in marked[1], len(marked)] == [True, True, 2]
        assert "4 · 2 marked" in stage.text
        stage.sim.checkpoints = INVOICES[1:]
        await stage.poll(pilot)
        assert "2 · 1 marked" in stage.text


async def test_marked_checkpoints_get_the_same_answer_and_show_results() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "a")
        assert all(f"Invoice {number}" in shown(stage) for number in (1, 2, 3))
        await confirm(stage, pilot, "2", "tab", *"no", "tab")
        result = await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv1", "ckpt_inv2", "ckpt_inv3"]
        assert {body for _, body in server.posts} == {b'{"resolution":"reject","comment":"no"}'}
        assert result.count("accepted") == 4
        assert "3 accepted" in result
        assert result.count("confirmed") == 1
        assert "Results · 0 of 3 confirmed" in result
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "marked" not in stage.text


async def test_draft_survives_closing_and_marking_one_more() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "a", "2", "tab", *"no", "escape", "space", "a")
        await pilot.pause()
        assert "enter sends reject to 3 checkpoints" in shown(stage)
        await confirm(stage, pilot)
        await wait_for_results(stage, pilot)
        assert {body for _, body in server.posts} == {b'{"resolution":"reject","comment":"no"}'}
        await pilot.press("escape")
        assert stage.screen.state.drafts.batch([row["id"] for row in INVOICES]) == Draft()


async def test_chosen_scope_survives_closing() -> None:
    stage = Stage(inbox_feed(*AT_NODE, ELSEWHERE))
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "C", "1", "tab", *"go", "escape", "C")
        await pilot.pause()
        assert "enter sends continue to 2 checkpoints" in shown(stage)
        assert "go" in shown(stage).split()


async def test_checkpoints_of_another_kind_are_left_out_with_a_reason() -> None:
    stage = Stage(inbox_feed(*INVOICES[:2], REVIEW, BREAKPOINT))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "space", "k", "a")
        result = shown(stage)
        assert "left out · 2" in result
        assert "other options: approve, reject, more" in result
        assert "another type: debug_breakpoint" in result
        await confirm(stage, pilot, "1")
        await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv1", "ckpt_inv2"]


async def test_marked_checkpoints_hidden_by_the_filter_are_listed_with_a_warning() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "slash", *"inv2", "enter")
        assert "1 of 3" in shown(stage)
        assert "2 marked · 1 of them hidden" in shown(stage)
        await pilot.press("a")
        stage.sim.checkpoints = [*INVOICES, invoice(4)]
        await pilot.pause()
        assert "1 of these 2 is hidden by the filter" in shown(stage)
        await confirm(stage, pilot, "1")
        await wait_for_results(stage, pilot)
        assert sorted(answered(server)) == ["ckpt_inv1", "ckpt_inv2"]


async def test_held_enter_sends_each_once() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "a", "1")
        for _ in range(20):
            await pilot.press("enter")
            stage.clock.advance(0.03)
        assert not server.posts
        stage.clock.advance(0.4)
        stage.press_fast(*["enter"] * 20)
        await wait_for_results(stage, pilot)
        await pilot.press(*["enter"] * 20)
        assert Counter(answered(server)) == {"ckpt_inv1": 1, "ckpt_inv2": 1, "ckpt_inv3": 1}


async def test_stops_on_first_failure() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = SelectiveServer(stage, ckpt_inv2=422)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "a")
        await confirm(stage, pilot, "1")
        result = await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv1", "ckpt_inv2"]
        assert "1 accepted · 1 refused · 1 not sent" in result
        assert "this one is odd" in result
        assert "stopped after the failure above" in result


async def test_only_runs_that_continued_are_confirmed() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    stage.sim.log += [event for number in (1, 2) for event in waiting_expense(f"exec_inv{number}", 60)]
    AcceptingServer(stage).row = {"status": "resolved"}
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "a")
        await confirm(stage, pilot, "1")
        assert "2 accepted" in await wait_for_results(stage, pilot)
        stage.sim.log += RunEvents("exec_inv2", EXPENSES, 92).step("book", "tool_http", 5, "booked").events
        stage.sim.checkpoints = [INVOICES[0], INVOICES[2]]
        await stage.poll(pilot)
        await wait_until(pilot, lambda: "Results · 1 of 2 confirmed" in shown(stage))
        assert "1 accepted · 1 confirmed" in shown(stage)


async def test_continues_after_failures_if_chosen() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = SelectiveServer(stage, ckpt_inv2=422)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "a")
        await confirm(stage, pilot, "s", "1")
        result = await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv1", "ckpt_inv2", "ckpt_inv3"]
        assert "2 accepted · 1 refused" in result


async def test_missing_permission_stops_and_is_shown_for_the_rest() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage, 403)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "space", "a")
        await confirm(stage, pilot, "s", "1")
        result = await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv1"]
        assert "1 refused · 2 not sent" in result
        assert result.count("this credential may not answer") >= 2


async def test_checkpoint_resolved_elsewhere_is_not_sent() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "space", "a", "1")
        stage.sim.checkpoints = INVOICES[1:]
        stage.clock.advance(5)
        await wait_until(pilot, lambda: len(stage.session.checkpoints) == 2)
        await pilot.pause()
        assert "no longer pending" in shown(stage)
        assert "to 1 checkpoint ·" in shown(stage)
        await pilot.press("enter")
        await wait_for_results(stage, pilot)
        assert answered(server) == ["ckpt_inv2"]


async def test_all_breakpoints_of_a_node_or_core_continue_once() -> None:
    for choice, sent in (("1", 2), ("2", 3)):
        stage = Stage(inbox_feed(*AT_NODE, ELSEWHERE, REVIEW))
        server = AcceptingServer(stage)
        async with stage.opened(WIDE) as pilot:
            await open_inbox(stage, pilot, "G", "k", "C")
            assert "the 2 at node find_order" in shown(stage)
            assert "the 3 of Core core_support-triage" in shown(stage)
            await confirm(stage, pilot, choice)
            await wait_for_results(stage, pilot)
            assert Counter(answered(server)) == {f"ckpt_b{number}": 1 for number in range(1, sent + 1)}
            assert {body for _, body in server.posts} == {b'{"resolution":"continue"}'}


async def test_pane_and_inbox_share_marks() -> None:
    stage = Stage(inbox_feed(*INVOICES))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("space", "tab", "tab", "space", "i")
        await pilot.pause()
        assert "3 · 1 marked" in shown(stage)
        await pilot.press("space")
        await pilot.pause()
        assert "marked" not in shown(stage)


async def test_read_only_session_opens_no_bulk_dialog() -> None:
    stage = Stage(inbox_feed(*INVOICES), read_only=True)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot, "space", "a", "C")
        assert isinstance(stage.app.screen, InboxScreen)
