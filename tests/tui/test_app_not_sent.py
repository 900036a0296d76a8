"""The row of a write shows *sending…* from the key press on, and *not sent* if it failed before the POST."""

from __future__ import annotations

import asyncio

import httpx

from scaicore_tui.tui.screens.inbox import InboxScreen
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.inbox_scene import inbox_feed, invoice
from tests.support.scene import REVIEW, busy_feed
from tests.support.write_server import AcceptingServer


class SilentServer(AcceptingServer):
    """Accepts writes. While `is_silent` is set, listing checkpoints gets no response, and fails once `fail` is set."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.is_silent = False
        self.refuses_writes = False
        self.fail = asyncio.Event()
        stage.session.client._http._transport = httpx.MockTransport(self.answer)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_silent and request.method == "GET" and request.url.path.endswith("/checkpoints"):
            await self.fail.wait()
            raise httpx.ReadTimeout("no byte", request=request)
        if self.refuses_writes and request.method == "POST":
            raise httpx.ConnectError("refused", request=request)
        return self(request)


def row_of(stage: Stage, text: str) -> str:
    return next(line for line in stage.lines if text in line)


async def test_answer_not_sent_is_shown_on_its_row_and_can_be_retried() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2)))
    async with stage.opened(WIDE) as pilot:
        server = SilentServer(stage)
        server.is_silent = True
        await pilot.press("i", "a", "1")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "sending…" in stage.text)
        await stage.settle(pilot)
        assert "sending…" in row_of(stage, "Invoice 1")
        assert "answer approve: sending… · “Invoice 1 · Pay invoice 1 over 100 EUR?”" in stage.text
        server.fail.set()
        await wait_until(pilot, lambda: "not sent" in stage.text)
        await stage.settle(pilot)
        assert "not sent" in row_of(stage, "Invoice 1")
        assert "not sent" not in row_of(stage, "Invoice 2")
        assert "answer approve: not sent · “Invoice 1 · Pay invoice 1 over 100 EUR?”" in stage.text
        await pilot.press("escape")
        stage.clock.advance(5)
        await stage.settle(pilot)
        assert "not sent" in row_of(stage, "Invoice 1")
        assert not server.posts
        server.is_silent = False
        await pilot.press("r")
        await wait_until(pilot, lambda: not stage.session.connection.failures)
        await pilot.press("k", "a")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        assert "accepted" in row_of(stage, "Invoice 1")
        assert [path.split("/")[-2] for path, _ in server.posts] == ["ckpt_inv1"]


async def test_replay_not_sent_is_shown_on_the_row_of_its_run() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        server = SilentServer(stage)
        server.refuses_writes = True
        await pilot.press("e", "R")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "replay not sent" in stage.text)
        await stage.settle(pilot)
        assert "invoice-batch" in row_of(stage, "replay not sent  ")
        assert "replay exec_5b0c11: not sent" in stage.text
        server.refuses_writes = False
        await pilot.press("R")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        assert "replay not sent  " not in stage.text


async def test_bulk_answers_not_sent_are_shown_one_by_one() -> None:
    stage = Stage(inbox_feed(invoice(1), invoice(2), REVIEW))
    async with stage.opened(WIDE) as pilot:
        server = SilentServer(stage)
        server.is_silent = True
        server.fail.set()
        await pilot.press("i")
        screen = stage.screen
        assert isinstance(screen, InboxScreen)
        for marked in ("ckpt_inv1", "ckpt_inv2"):
            screen.inbox.select(marked)
            await pilot.press("space")
        await pilot.press("a", "s", "1")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: stage.session.submitter.submissions[1:])
        await pilot.pause()
        await pilot.press("escape")
        await stage.settle(pilot)
        assert ["not sent" in row_of(stage, f"Invoice {number}") for number in (1, 2)] == [True, True]
        assert not server.posts
