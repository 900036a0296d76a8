"""A write that fails before its POST is shown as *not sent*, and may be tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaicore_tui.actions import Ledger, Progress, Submission, answer_many, latest_by_target
from scaicore_tui.actions.submission import Kind
from scaicore_tui.api.client import MAX_FIND_PAGES, Client
from scaicore_tui.auth.provider import MIN_RENEW_INTERVAL_S
from scaicore_tui.config import Target
from scaicore_tui.config.token_sources import TokenFile
from scaicore_tui.errors import ScaicoreError, UsageError
from scaicore_tui.runs import Delta
from scaicore_tui.session import Session, submission_of
from tests.support.builders import NOON, SECOND, checkpoint, started
from tests.support.feed_simulator import UNLIMITED, FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until
from tests.support.write_feed import WriteServer, accept_write, lose_response, one_checkpoint

Answer = Callable[[httpx.Request], httpx.Response]


class FailingServer(WriteServer):
    """A server that answers each GET with `failure` while one is set."""

    failure: Answer | None = None

    def respond(self, request: httpx.Request) -> httpx.Response:
        if self.failure is not None and request.method == "GET":
            return self.failure(request)
        return super().respond(request)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def hanging(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no byte", request=request)


def busy(_: httpx.Request) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": "60"}, json={"detail": "slow down"})


def denied(_: httpx.Request) -> httpx.Response:
    return httpx.Response(403, json={"detail": "no view"})


@pytest.mark.parametrize("failure", [unreachable, hanging, busy, denied])
async def test_an_answer_is_not_sent_if_its_checkpoint_cannot_be_read_again(failure: Answer) -> None:
    server = FailingServer(one_checkpoint(), accept_write)
    async with server.session() as session:
        await session.read_once()
        shown: list[tuple[str, str]] = []
        session.subscribe(lambda delta: shown.append(_target_and_progress(delta)) if submission_of(delta) else None)
        server.failure = failure
        with pytest.raises(ScaicoreError, match=r"^answer approve to ckpt_1: not sent: ") as raised:
            await session.answer("ckpt_1", "approve")
        assert "nothing was sent" in str(raised.value)
        (submission,) = session.submitter.submissions
        assert (submission.progress, submission.sent_at, server.posts) == (Progress.NOT_SENT, None, [])
        assert shown[0] == ("ckpt_1", "sending…")
        assert shown[-1] == ("ckpt_1", "not sent")
        server.failure = None
        assert isinstance(session.clock, ManualClock)
        session.clock.advance(61.0)
        await session.read_once()
        assert (await session.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED
        assert len(server.posts) == 1


def _target_and_progress(delta: Delta) -> tuple[str, str]:
    submission = submission_of(delta)
    assert submission is not None
    return submission.target_id, submission.progress_text


async def test_an_answer_is_shown_as_sending_before_its_post() -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    may_respond = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and server.sim.requests.count(request.url.path) > 1:
            await may_respond.wait()
        return server.respond(request)

    target, clock = Target(url="http://127.0.0.1:1/api/v1"), ManualClock(NOON / SECOND)
    client = Client(target, httpx.MockTransport(answer), clock)
    async with Session(target, clock=clock, client=client) as session:
        await session.read_once()
        await session.client.checkpoints("pending")
        task = asyncio.create_task(session.answer("ckpt_1", "approve"))
        await wait_until(lambda: session.submitter.submissions)
        (submission,) = session.submitter.submissions
        assert (submission.progress_text, submission.description, server.posts) == (
            "sending…",
            "answer approve to ckpt_1",
            [],
        )
        with pytest.raises(UsageError, match="under way"):
            await session.answer("ckpt_1", "approve")
        latest = latest_by_target(session.submitter.submissions)
        assert latest["ckpt_1"] is submission, "an attempt that was not sent hides the one in progress"
        may_respond.set()
        assert (await task).progress is Progress.ACCEPTED


async def test_a_write_cancelled_before_its_post_is_not_sent() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    sim, ledger = one_checkpoint(), Ledger()
    target, clock = Target(url="http://127.0.0.1:1/api/v1"), ManualClock()
    client = Client(target, httpx.MockTransport(sim.respond), clock)
    async with Session(target, clock=clock, client=client, ledger=ledger) as session:
        await session.read_once()
        session.client._http._transport = httpx.MockTransport(never)
        task = asyncio.create_task(session.answer("ckpt_1", "approve"))
        await wait_until(lambda: session.submitter.submissions)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert session.submitter.submissions[0].progress is Progress.NOT_SENT
    assert ledger.entries() == []


async def test_a_write_is_not_sent_while_the_server_asks_to_wait() -> None:
    """The client fails the write at once instead of waiting, so that the person can decide."""
    server, ledger = WriteServer(FeedSim([started()]), busy), Ledger()
    async with server.session(ledger=ledger) as session:
        await session.read_once()
        assert (await session.replay("exec_1")).progress is Progress.REFUSED
        submission = await session.replay("exec_1")
        assert (submission.progress, len(server.posts)) == (Progress.NOT_SENT, 1)
        assert submission.message == "the server asked to wait (429) · nothing was sent · try again in 60 s"
        assert [entry.progress for entry in ledger.entries()] == [Progress.REFUSED, Progress.NOT_SENT]


async def test_a_write_is_not_sent_if_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    server = WriteServer(FeedSim([started()]), accept_write)
    async with server.session(ledger=Ledger(tmp_path / "file" / "ledger.jsonl")) as session:
        await session.read_once()
        with pytest.raises(ScaicoreError, match=r"^replay exec_1: not sent: .*ledger"):
            await session.replay("exec_1")
        assert [one.progress for one in session.submitter.submissions] == [Progress.NOT_SENT]
        assert server.posts == []


async def test_an_answer_to_a_resolved_checkpoint_is_a_conflict_and_is_not_sent() -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    async with server.session() as session:
        await session.read_once()
        server.sim.checkpoints.clear()
        server.resolved = [checkpoint(status="resolved", resolution="reject", resolved_by="usr_ada")]
        submission = await session.answer("ckpt_1", "approve")
        assert (submission.progress, server.posts) == (Progress.CONFLICT, [])
        assert "reject by usr_ada" in submission.message


async def test_a_checkpoint_that_was_not_listed_yet_can_be_answered() -> None:
    server = WriteServer(FeedSim([started()]), accept_write)
    async with server.session() as session:
        await session.read_once()
        server.sim.checkpoints.append(checkpoint())
        assert (await session.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED


class PartlyFailing:
    """Answers each checkpoint except those in `not_sent`, for which it raises."""

    def __init__(self, *not_sent: str) -> None:
        self.asked: list[str] = []
        self._not_sent = not_sent

    async def __call__(self, checkpoint_id: str) -> Submission:
        self.asked.append(checkpoint_id)
        if checkpoint_id in self._not_sent:
            raise UsageError("no")
        return Submission(Kind.ANSWER, checkpoint_id, None, progress=Progress.ACCEPTED)


async def test_a_failed_answer_does_not_stop_the_batch_unless_requested() -> None:
    failing = PartlyFailing("b")
    sent = await answer_many(failing, ["a", "b", "c"], stop_on_failure=False)
    assert ([one.target_id for one in sent], failing.asked) == (["a", "c"], ["a", "b", "c"])
    stopping = PartlyFailing("b")
    with pytest.raises(UsageError):
        await answer_many(stopping, ["a", "b", "c"])
    assert stopping.asked == ["a", "b"]


class Listing:
    """Pages of `size` pending checkpoints, newest first; the cursor is an offset."""

    def __init__(self, count: int, size: int) -> None:
        self.rows: list[dict[str, Any]] = [checkpoint(f"ckpt_{number}") for number in range(count)]
        self.asked: list[int] = []
        self.size = size

    def answer(self, request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("cursor", 0))
        self.asked.append(offset)
        rows, end = self.rows[offset : offset + self.size], offset + self.size
        next_cursor = str(end) if end < len(self.rows) else None
        return httpx.Response(200, headers=UNLIMITED, json={"data": {"checkpoints": rows, "next_cursor": next_cursor}})

    def client(self) -> Client:
        return Client(Target(url="http://127.0.0.1:1/api/v1"), httpx.MockTransport(self.answer))


async def test_a_checkpoint_is_read_again_with_as_few_page_requests_as_possible() -> None:
    listing = Listing(1_000, size=50)
    client = listing.client()
    assert await client.find_checkpoint("ckpt_120") is not None
    assert listing.asked == [0, 50, 100]
    listing.asked.clear()
    assert await client.find_checkpoint("ckpt_120") is not None
    assert listing.asked == [100]
    listing.asked.clear()
    listing.rows[:0] = [checkpoint(f"ckpt_new{number}") for number in range(40)]
    assert await client.find_checkpoint("ckpt_120") is not None
    # The page where the checkpoint was found before, then the page before and the page after.
    assert listing.asked == [100, 50, 150]
    await client.close()


async def test_a_checkpoint_counts_as_gone_only_after_all_pages_were_read() -> None:
    listing = Listing(300, size=100)
    client = listing.client()
    assert await client.find_checkpoint("ckpt_none") is None
    assert listing.asked == [0, 100, 200]
    with pytest.raises(ScaicoreError, match="not among the first 200 checkpoints, and there are more"):
        await client.find_checkpoint("ckpt_none", max_pages=2)
    await client.close()


async def test_reading_an_endless_listing_stops_at_the_page_limit() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        page = {"checkpoints": [], "next_cursor": f"c{len(asked)}"}
        return httpx.Response(200, headers=UNLIMITED, json={"data": page})

    client = Client(Target(url="http://127.0.0.1:1/api/v1"), httpx.MockTransport(answer))
    with pytest.raises(ScaicoreError, match="is not among the first"):
        await client.find_checkpoint("ckpt_1")
    assert len(asked) == MAX_FIND_PAGES
    await client.close()


PERMISSION = {"status": "error", "error": {"code": "AUTHZ_PERMISSION_DENIED", "message": "not you"}}


@pytest.mark.parametrize(("refused", "still_allowed"), [("invoke", "answer"), ("resolve", "replay")])
async def test_a_missing_permission_blocks_its_action_until_the_token_is_renewed(
    refused: str, still_allowed: str, tmp_path: Path
) -> None:
    sim, file = one_checkpoint(), tmp_path / "token"
    file.write_text("first.token.x")
    file.chmod(0o600)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return (
                httpx.Response(403, json=PERMISSION) if request.url.path.endswith(refused) else lose_response(request)
            )
        is_current = request.headers["Authorization"] == f"Bearer {file.read_text()}"
        return sim.respond(request) if is_current else httpx.Response(401, json={"detail": "expired"})

    clock = ManualClock(NOON / SECOND)
    target = Target(url="http://127.0.0.1:1/api/v1", sources=(TokenFile("token_file", file),))
    client = Client(target, httpx.MockTransport(answer), clock)
    async with Session(target, clock=clock, client=client) as session:
        await session.read_once()

        def reasons() -> dict[str, str | None]:
            return {
                "answer": session.why_not_answer("ckpt_1"),
                "replay": session.why_not_replay(session.index.runs.get("exec_1")),
            }

        assert reasons() == {"answer": None, "replay": None}
        submission = await (session.replay("exec_1") if refused == "invoke" else session.answer("ckpt_1", "approve"))
        assert submission.progress is Progress.REFUSED
        blocked = reasons()
        assert blocked.pop(still_allowed) is None
        assert [reason is not None and "“not you”" in reason for reason in blocked.values()] == [True]
        clock.advance(MIN_RENEW_INTERVAL_S)
        file.write_text("second.token.x")
        await session.read_once()
        assert reasons() == {"answer": None, "replay": None}
