"""What is not known of a write is looked for as long as that may help, and at no more cost than it must."""

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


def moved(session: Session, seconds: float) -> None:
    assert isinstance(session.clock, ManualClock)
    session.clock.advance(seconds)


def now(session: Session) -> int:
    """What time it is, in microseconds since 1970."""
    return int(session.clock.now() * SECOND)


async def polled(session: Session, server: WriteServer) -> int:
    """Poll once; how many requests that took."""
    before = session.client.requests
    moved(session, 5.0)
    await session.read_once()
    return session.client.requests - before


async def test_an_answer_that_did_not_arrive_costs_no_look_ups_while_its_checkpoint_waits() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        plain = await polled(session, server)
        submission = await session.answer("ckpt_1", "approve")
        await polled(session, server)
        assert [await polled(session, server) for _ in range(5)] == [plain] * 5
        seen = [submission.progress]
        moved(session, NOT_RECEIVED_AFTER_S)
        assert await polled(session, server) == plain
        assert [*seen, submission.progress] == [Progress.UNKNOWN, Progress.NOT_RECEIVED]


async def test_what_may_still_arrive_is_not_sent_again_however_long_its_answer_takes() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await polled(session, server)
        submission = await session.answer("ckpt_1", "approve")
        for _ in range(3):
            moved(session, (INVOKE_TIMEOUT_S + TOTAL_TIMEOUT_S) / 3 - 5.0)
            await polled(session, server)
            assert submission.progress is Progress.UNKNOWN
            assert "looking it up" in (session.why_not_answer("ckpt_1", "approve") or "")
            with pytest.raises(UsageError, match=r"answer approve to ckpt_1: not sent: .* looking it up"):
                await session.answer("ckpt_1", "approve")
        assert len(server.posts) == 1


async def test_a_replay_that_may_still_arrive_is_not_sent_again() -> None:
    server = WriteServer(FeedSim([started()]), lose_response)
    async with server.session() as session:
        await polled(session, server)
        submission = await session.replay("exec_1")
        moved(session, INVOKE_TIMEOUT_S + TOTAL_TIMEOUT_S)
        await polled(session, server)
        await polled(session, server)
        assert submission.progress is Progress.UNKNOWN
        with pytest.raises(UsageError, match=r"replay exec_1: not sent: .* looking it up"):
            await session.replay("exec_1")
        assert len(server.posts) == 1


async def test_twelve_lost_answers_are_looked_up_with_one_listing_less_and_less_often() -> None:
    rows = [checkpoint(f"ckpt_{number}", execution_id=f"exec_{number}") for number in range(12)]
    server = WriteServer(FeedSim([started()], checkpoints=rows), lose_response)
    async with server.session() as session:
        plain = await polled(session, server)
        sent = [await session.answer(row["id"], "approve") for row in rows]
        server.sim.checkpoints = []
        await polled(session, server)
        costs = [await polled(session, server) - plain for _ in range(24)]
        # One listing for each of four ways to end.
        assert max(costs) == 4
        assert sum(cost > 0 for cost in costs) <= 6
        assert {submission.progress for submission in sent} == {Progress.UNKNOWN}
        server.resolved = [row | {"status": "resolved", "resolution": "approve"} for row in rows]
        moved(session, 60.0)
        assert await polled(session, server) - plain == 1
        assert {submission.progress for submission in sent} == {Progress.ACCEPTED}


async def test_a_look_up_leaves_the_feed_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await polled(session, server)
        await session.answer("ckpt_1", "approve")
        server.sim.checkpoints.clear()
        ranks: list[Priority] = []
        slot = session.client.budget.slot

        def noted(rank: Priority) -> AbstractAsyncContextManager[RequestSlot]:
            ranks.append(rank)
            return slot(rank)

        monkeypatch.setattr(session.client.budget, "slot", noted)
        await session.tracker.look_up()
        assert ranks == []
        await polled(session, server)
        assert set(ranks) == {Priority.CHECKPOINTS, Priority.HEAD, Priority.BACKFILL}
        assert ranks.count(Priority.BACKFILL) == 4


async def test_it_is_looked_up_once_its_checkpoint_waits_no_longer() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        await polled(session, server)
        submission = await session.answer("ckpt_1", "approve")
        await polled(session, server)
        server.sim.checkpoints.clear()
        server.resolved = [checkpoint(status="resolved", resolution="reject", resolved_by="usr_ada")]
        await polled(session, server)
        assert submission.progress is Progress.CONFLICT


async def test_what_is_never_found_is_not_looked_for_for_ever() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    async with server.session() as session:
        plain = await polled(session, server)
        submission = await session.answer("ckpt_1", "approve")
        server.sim.checkpoints.clear()
        assert await polled(session, server) > plain
        moved(session, LOOKUP_WINDOW_S)
        assert await polled(session, server) == plain
        assert submission.progress is Progress.UNKNOWN


@pytest.mark.parametrize(("late", "progress"), [(10.0, Progress.UNKNOWN), (LOOKUP_WINDOW_S, Progress.NOT_RECEIVED)])
async def test_a_run_that_begins_long_after_a_replay_is_not_its_own(late: float, progress: Progress) -> None:
    server = WriteServer(FeedSim([started()]), lose_response)
    async with server.session() as session:
        await polled(session, server)
        submission = await session.replay("exec_1")
        if late > NOT_RECEIVED_AFTER_S:
            moved(session, NOT_RECEIVED_AFTER_S)
            await polled(session, server)
            await polled(session, server)
        moved(session, late)
        server.sim.log.append(started(now(session), "exec_9"))
        await polled(session, server)
        assert (submission.execution_id, submission.progress) == (
            "exec_9" if late < LOOKUP_WINDOW_S else None,
            progress,
        )


async def test_a_run_of_the_past_is_no_replay() -> None:
    sim = FeedSim([started(NOON + n, f"exec_{n}", input={"n": 1}) for n in range(6)], page_size=3)
    server = WriteServer(sim, lambda _: httpx.Response(200, json={"output": None}))
    async with server.session(backfill=3) as session:
        await polled(session, server)
        submission = await session.replay("exec_4")
        assert await session.load_older() == 3
        await polled(session, server)
        seen = [submission.execution_id]
        sim.log.append(started(now(session), "exec_9", input={"n": 1}))
        await polled(session, server)
        assert [*seen, submission.execution_id] == [None, "exec_9"]


async def test_a_cookie_is_neither_kept_nor_sent() -> None:
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
            await polled(session, server)
        assert len(seen) == session.client.requests
        assert not [headers for headers in seen if "cookie" in headers]
        assert not session.client._http.cookies
