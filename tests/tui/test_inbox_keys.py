"""The inbox answers without a dialog: two keys an item, three for all that are alike, one POST for each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from textual.pilot import Pilot

from scaicore_tui.actions import Progress
from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.bulk import BulkScreen
from scaicore_tui.tui.screens.inbox import InboxScreen
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import STANDARD, WIDE, Stage, wait_until
from tests.support.inbox_scene import RESOLVED, WITH_FORM, inbox_feed, invoice
from tests.support.scene import BREAKPOINT, REVIEW
from tests.support.write_server import AcceptingServer, SelectiveServer

INVOICES = [invoice(number) for number in range(1, 9)]
FREE_TEXT = invoice(9, options=[], created_at="2026-04-29T11:20:00.000Z")


def posted(server: AcceptingServer) -> list[tuple[str, bytes]]:
    """Return the id and the body of each answer, in the order of sending."""
    return [(path.split("/")[-2], body) for path, body in server.posts]


def inbox_of(stage: Stage) -> InboxScreen:
    screen = stage.app.screen
    assert isinstance(screen, InboxScreen)
    return screen


def selected(stage: Stage) -> str:
    checkpoint = inbox_of(stage).inbox.selected
    assert checkpoint is not None
    return checkpoint.id


def row_of(stage: Stage, text: str) -> str:
    """Return the row of the list with `text`: the first line that has it."""
    return next(line for line in stage.lines if text in line)


async def open_inbox(stage: Stage, pilot: Pilot[int]) -> None:
    await pilot.press("i")
    await wait_until(pilot, lambda: isinstance(stage.app.screen, InboxScreen))
    await stage.settle(pilot)


async def test_eight_alike_are_answered_with_three_keys_and_the_line_counts_and_names_them() -> None:
    stage = Stage(inbox_feed(*INVOICES, REVIEW))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("j", "asterisk")
        assert "Inbox · 9 · 8 marked" in stage.text
        await pilot.press("2")
        await stage.settle(pilot)
        text = " ".join(stage.text.split())
        assert "2 Reject chosen · enter sends it to 8 checkpoints · staging" in text
        assert "“Invoice 1 · Pay invoice 1 over 100 EUR?”, “Invoice 2 · Pay invoice 2 over 200 EUR?” and 6 more" in text
        assert not server.posts
        await pilot.press("enter")
        await wait_until(pilot, lambda: len(server.posts) == 8)
        await stage.settle(pilot)
        assert Counter(posted(server)) == {(row["id"], b'{"resolution":"reject"}'): 1 for row in INVOICES}
        assert selected(stage) == REVIEW["id"]
        await pilot.press(*["enter"] * 5)
        assert len(server.posts) == 8


async def test_a_choice_is_replaced_and_dropped_when_the_cursor_moves_or_the_item_goes() -> None:
    stage = Stage(inbox_feed(*INVOICES[:3]))
    server = AcceptingServer(stage)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("1", "2")
        await stage.settle(pilot)
        assert "2 Reject chosen · enter sends it · staging · “Invoice 1" in stage.text
        await pilot.press("3")
        await stage.settle(pilot)
        assert "3: choose 1–2" in stage.text
        await pilot.press("j")
        await stage.settle(pilot)
        assert "not sent, choice dropped: Reject for “Invoice 1" in stage.text
        await pilot.press("enter")
        assert not server.posts
        await pilot.press("1")
        stage.sim.checkpoints = [INVOICES[0], INVOICES[2]]
        await stage.poll(pilot)
        assert "not sent, choice dropped: Approve for “Invoice 2" in stage.text
        await pilot.press("1", "enter")
        await stage.settle(pilot)
        assert "the selection just changed" in stage.text or "nothing is chosen yet" in stage.text
        assert not server.posts
        stage.clock.advance(1)
        await pilot.press("1", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert posted(server) == [("ckpt_inv3", b'{"resolution":"approve"}')]


async def test_the_comment_is_sent_and_belongs_to_its_item() -> None:
    stage = Stage(inbox_feed(WITH_FORM, *INVOICES[:2]))
    server = AcceptingServer(stage)
    async with stage.opened(STANDARD) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("2", "tab", *"no", "ctrl+t", "tab", "enter")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        assert selected(stage) == "ckpt_inv1"
        await pilot.press("tab", *"12", "escape", "j", "1", "enter")
        await wait_until(pilot, lambda: len(server.posts) == 2)
        await pilot.press("2", "tab", *"3", "ctrl+s")
        await wait_until(pilot, lambda: len(server.posts) == 3)
        assert posted(server) == [
            ("ckpt_form", b'{"resolution":"reject","comment":"no\\nCost centre: 4210\\nTaxable benefit: false"}'),
            ("ckpt_inv2", b'{"resolution":"approve"}'),
            ("ckpt_inv1", b'{"resolution":"reject","comment":"123"}'),
        ]


async def test_a_held_enter_answers_nothing_more() -> None:
    stage = Stage(inbox_feed(*INVOICES[:2], BREAKPOINT))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        inbox_of(stage).state.drafts.answer("ckpt_inv2").resolution = "reject"
        await pilot.press("1")
        for pause_s in (0.0, 0.6, *[0.03] * 20):
            stage.clock.advance(pause_s)
            await pilot.press("enter")
        await stage.settle(pilot)
        assert posted(server) == [("ckpt_inv1", b'{"resolution":"approve"}')]
        assert isinstance(stage.app.screen, InboxScreen)


@pytest.mark.parametrize(
    ("row", "protected", "keys"),
    [(invoice(1), True, "2"), (BREAKPOINT, False, "1"), (FREE_TEXT, False, "1")],
    ids=["protected", "breakpoint", "free text"],
)
async def test_what_needs_more_protection_opens_its_dialog(row: dict[str, object], protected: bool, keys: str) -> None:
    stage = Stage(inbox_feed(row), protected=protected)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await open_inbox(stage, pilot)
        await pilot.press(keys)
        screen = stage.app.screen
        assert isinstance(screen, AnswerScreen)
        assert screen.resolution == {"2": "reject"}.get(keys, "continue" if row is BREAKPOINT else None)
        assert not server.posts


async def test_marks_of_several_kinds_open_the_dialog_that_shows_what_is_left_out() -> None:
    stage = Stage(inbox_feed(*INVOICES[:4], REVIEW))
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("j", "space", "j", "M")
        await stage.settle(pilot)
        assert "3 marked" in stage.text
        await pilot.press("g", "space", "j")
        await stage.settle(pilot)
        assert "left out: 1 of the marked" in stage.text
        await pilot.press("2")
        assert isinstance(stage.app.screen, BulkScreen)
        assert len(stage.app.screen.answerable) == 3


class WaitingServer(AcceptingServer):
    """Accepts writes once `go` is set; fails to connect while `is_down`."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.go = asyncio.Event()
        self.is_down = False
        stage.session.client._http._transport = httpx.MockTransport(self.answer)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            await self.go.wait()
            if self.is_down:
                raise httpx.ConnectError("refused", request=request)
        return self(request)


async def test_rows_show_each_state_and_enter_tries_again_what_was_not_sent() -> None:
    stage = Stage(inbox_feed(*INVOICES[:2]))
    async with stage.opened(WIDE) as pilot:
        server = WaitingServer(stage)
        server.is_down = True
        await open_inbox(stage, pilot)
        await pilot.press("1", "enter")
        assert "sending…" in row_of(stage, "Invoice 1")
        server.go.set()
        await wait_until(pilot, lambda: "not sent" in row_of(stage, "Invoice 1"))
        await pilot.press("k")
        stage.clock.advance(2)
        await stage.settle(pilot)
        assert "enter: try again with approve" in " ".join(stage.text.split())
        server.is_down = False
        await pilot.press("enter")
        await wait_until(pilot, lambda: "accepted" in row_of(stage, "Invoice 1"))
        assert posted(server) == [("ckpt_inv1", b'{"resolution":"approve"}')]


async def test_a_batch_stops_at_a_failure_and_marks_the_rest_again() -> None:
    stage = Stage(inbox_feed(*INVOICES[:4]))
    server = SelectiveServer(stage, ckpt_inv2=422)
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("asterisk", "1", "enter")
        await wait_until(pilot, lambda: "stopped after a failure: 2 of 4 were not sent" in stage.text)
        assert [key for key, _ in posted(server)] == ["ckpt_inv1", "ckpt_inv2"]
        assert inbox_of(stage).state.marked == {"ckpt_inv3", "ckpt_inv4"}
        assert "refused" in row_of(stage, "Invoice 2")


async def test_the_form_shows_the_run_opens_it_folds_the_context_and_shows_answers() -> None:
    stage = Stage(inbox_feed(REVIEW, invoice(1)))
    RESOLVED[0]["comment"] = "seen twice"
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        assert "run so far: ✓ read_receipt  ✓ policy  ● review" in stage.text
        assert '▸ context  shift+tab  │ {"employee"' in stage.text
        await pilot.press("shift+tab", "enter")
        await stage.settle(pilot)
        assert "employee  Zoë de Vries" in stage.text
        await pilot.press("escape", "x")
        assert isinstance(stage.app.screen, RunScreen)
        await pilot.press("escape", "j", "x", "m")
        await stage.settle(pilot)
        assert "m: this token names neither a person nor groups" in stage.text
        await pilot.press("v")
        await wait_until(pilot, lambda: inbox_of(stage).state.resolved.read_at is not None)
        await pilot.press("j", "1", "enter")
        await stage.settle(pilot)
        for words in ("answer   reject", "by       ann@acme.example", "at       11:20:00Z  41m ago", "│ seen twice"):
            assert words in stage.text, words
        assert inbox_of(stage).chosen_id is None


async def test_a_confirmed_answer_is_told_in_its_own_words() -> None:
    stage = Stage(inbox_feed(invoice(1, execution_id=None), invoice(2)))
    AcceptingServer(stage).row = {"status": "resolved"}
    async with stage.opened(WIDE) as pilot:
        await open_inbox(stage, pilot)
        await pilot.press("1", "enter")
        answers: Callable[[], bool] = lambda: stage.session.submissions[0].progress is Progress.CONFIRMED  # noqa: E731
        await wait_until(pilot, lambda: stage.session.submissions and answers())
        await stage.settle(pilot)
        assert "✓ approved “Invoice 1 · Pay invoice 1 over 100 EUR?”: confirmed" in stage.text
        assert "the run moved on" not in stage.text
        stage.sim.checkpoints = [invoice(2)]
        await stage.poll(pilot)
        assert "Inbox · 1 " in stage.text
        assert row_of(stage, "Invoice 1").endswith("confirmed")
        assert selected(stage) == "ckpt_inv2"
