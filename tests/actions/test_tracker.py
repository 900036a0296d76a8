"""An unknown outcome is looked up for a limited time and with as few requests as possible."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from scaicore_tui.actions import Progress
from scaicore_tui.actions.tracker import LOOKUP_WINDOW_S, NOT_RECEIVED_AFTER_S
from scaicore_tui.api.budget import Priority, RequestSlot
from scaicore_tui.api.transport import INVOKE_TIMEOUT_S, TOTAL_TIMEOUT_S
from scaicore_tui.errors import UsageError
from scaicore_tui.session import Session
from tests.support.builders import NOON, SECOND, checkpoint, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.write_feed import WriteServer, lose_response, one_checkpoint


def advance(session: Session, seconds: float) -> None:
    assert isinstance(session.clock, ManualClock)
    session.clock.advance(seconds)


def now(session: Session) -> int:
    """Return the session's time in microseconds since 1970."""
    return int(session.clock.now() * SECOND)


async def poll_cost(session: Session, server: WriteServer) -> int:
    """Poll once after 5 s; return the number of requests."""
    before = session.client.requests
    advance(session, 5.0)
    await session.read_once()
    return session.client.requests - before


async def test_an_unknown_answer_needs_no_lookup_while_its_checkpoint_is_pending() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        usual_cost = await poll_cost(session, server)
        submission = await session.answer("ckpt_1", "approve")
        await poll_cost(session, server)
        assert [await poll_cost(session, server) for _ in range(5)] == [usual_cost] * 5
        seen = [submission.progress]
        advance(session, NOT_RECEIVED_AFTER_S)
        assert await poll_cost(session, server) == usual_cost
        assert [*seen, submission.progress] == [Progress.UNKNOWN, Progress.NOT_RECEIVED]


async def test_an_answer_that_may_still_arrive_is_not_sent_again() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await poll_cost(session, server)
        submission = await session.answer("ckpt_1", "approve")
        for _ in range(3):
            advance(session, (INVOKE_TIMEOUT_S + TOTAL_TIMEOUT_S) / 3 - 5.0)
            await poll_cost(session, server)
            assert submission.progress is Progress.UNKNOWN
            assert "looking it up" in (session.why_not_answer("ckpt_1", "approve") or "")
            with pytest.raises(UsageError, match=r"answer approve to ckpt_1: not sent: .* looking it up"):
                await session.answer("ckpt_1", "approve")
        assert len(server.posts) == 1


async def test_a_replay_that_may_still_arrive_is_not_sent_again() -> None:
    server = WriteServer(FeedSim([started()]), lose_response)
    async with server.session() as session:
        await poll_cost(session, server)
        submission = await session.replay("exec_1")
        advance(session, INVOKE_TIMEOUT_S + TOTAL_TIMEOUT_S)
        await poll_cost(session, server)
        await poll_cost(session, server)
        assert submission.progress is Progress.UNKNOWN
        with pytest.raises(UsageError, match=r"replay exec_1: not sent: .* looking it up"):
            await session.replay("exec_1")
        assert len(server.posts) == 1


async def test_twelve_lost_answers_share_lookups_at_growing_intervals() -> None:
    rows = [checkpoint(f"ckpt_{number}", execution_id=f"exec_{number}") for number in range(12)]
    server = WriteServer(FeedSim([started()], checkpoints=rows), lose_response)
    async with server.session() as session:
        usual_cost = await poll_cost(session, server)
        sent = [await session.answer(row["id"], "approve") for row in rows]
        server.sim.checkpoints = []
        await poll_cost(session, server)
        extra_costs = [await poll_cost(session, server) - usual_cost for _ in range(24)]
        # One listing for each of the four final statuses.
        assert max(extra_costs) == 4
        assert sum(cost > 0 for cost in extra_costs) <= 6
        assert {submission.progress for submission in sent} == {Progress.UNKNOWN}
        server.resolved = [row | {"status": "resolved", "resolution": "approve"} for row in rows]
        advance(session, 60.0)
        assert await poll_cost(session, server) - usual_cost == 1
        assert {submission.progress for submission in sent} == {Progress.ACCEPTED}


async def test_lookups_have_a_lower_priority_than_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await poll_cost(session, server)
        await session.answer("ckpt_1", "approve")
        server.sim.checkpoints.clear()
        priorities: list[Priority] = []
        slot = session.client.budget.slot

        def record_priority(priority: Priority) -> AbstractAsyncContextManager[RequestSlot]:
            priorities.append(priority)
            return slot(priority)

        monkeypatch.setattr(session.client.budget, "slot", record_priority)
        await session.tracker.look_up()
        assert priorities == []
        await poll_cost(session, server)
        assert set(priorities) == {Priority.CHECKPOINTS, Priority.HEAD, Priority.BACKFILL}
        assert priorities.count(Priority.BACKFILL) == 4


async def test_an_answer_is_looked_up_once_its_checkpoint_is_no_longer_pending() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await poll_cost(session, server)
        submission = await session.answer("ckpt_1", "approve")
        await poll_cost(session, server)
        server.sim.checkpoints.clear()
        server.resolved = [checkpoint(status="resolved", resolution="reject", resolved_by="usr_ada")]
        await poll_cost(session, server)
        assert submission.progress is Progress.CONFLICT


async def test_a_lookup_ends_after_the_lookup_window() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        usual_cost = await poll_cost(session, server)
        submission = await session.answer("ckpt_1", "approve")
        server.sim.checkpoints.clear()
        assert await poll_cost(session, server) > usual_cost
        advance(session, LOOKUP_WINDOW_S)
        assert await poll_cost(session, server) == usual_cost
        assert submission.progress is Progress.UNKNOWN


@pytest.mark.parametrize(("delay_s", "progress"), [(10.0, Progress.UNKNOWN), (LOOKUP_WINDOW_S, Progress.NOT_RECEIVED)])
async def test_a_run_that_begins_long_after_a_replay_is_no_match(delay_s: float, progress: Progress) -> None:
    server = WriteServer(FeedSim([started()]), lose_response)
    async with server.session() as session:
        await poll_cost(session, server)
        submission = await session.replay("exec_1")
        if delay_s > NOT_RECEIVED_AFTER_S:
            advance(session, NOT_RECEIVED_AFTER_S)
            await poll_cost(session, server)
            await poll_cost(session, server)
        advance(session, delay_s)
        server.sim.log.append(started(now(session), "exec_9"))
        await poll_cost(session, server)
        assert (submission.execution_id, submission.progress) == (
            "exec_9" if delay_s < LOOKUP_WINDOW_S else None,
            progress,
        )


async def test_an_older_run_is_not_matched_with_a_replay() -> None:
    sim = FeedSim([started(NOON + n, f"exec_{n}", input={"n": 1}) for n in range(6)], page_size=3)
    server = WriteServer(sim, lambda _: httpx.Response(200, json={"output": None}))
    async with server.session(backfill=3) as session:
        await poll_cost(session, server)
        submission = await session.replay("exec_4")
        assert await session.load_older() == 3
        await poll_cost(session, server)
        seen = [submission.execution_id]
        sim.log.append(started(now(session), "exec_9", input={"n": 1}))
        await poll_cost(session, server)
        assert [*seen, submission.execution_id] == [None, "exec_9"]


async def test_cookies_are_neither_stored_nor_sent() -> None:
    seen: list[httpx.Headers] = []
    server = WriteServer(one_checkpoint(), lose_response)
    answer = server.respond

    def with_cookie(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        response = answer(request)
        response.headers["Set-Cookie"] = f"route{len(seen)}=a; Path=/"
        return response

    server.respond = with_cookie  # type: ignore[method-assign]
    async with server.session() as session:
        for _ in range(3):
            await poll_cost(session, server)
        assert len(seen) == session.client.requests
        assert not [headers for headers in seen if "cookie" in headers]
        assert not session.client._http.cookies
