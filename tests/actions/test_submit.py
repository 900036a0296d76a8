"""The checks before a write, and its progress afterwards."""

from __future__ import annotations

import httpx
import pytest

from scaicore_tui.actions import Kind, Progress
from scaicore_tui.actions.gate import WriteContext, why_not_answer, why_not_continue, why_not_replay
from scaicore_tui.errors import Conflict, NotFound, UsageError
from scaicore_tui.protocol import Checkpoint
from tests.support.builders import NOON, checkpoint, entered, read_row, started
from tests.support.feed_simulator import FeedSim
from tests.support.memory_index import MemoryIndex
from tests.support.write_feed import WriteServer, accept_write, lose_response, one_checkpoint

UNRESTRICTED = WriteContext()
SENT_BEFORE = "an earlier write was sent and its outcome is not known yet: looking it up"
BREAKPOINT = {"checkpoint_type": "debug_breakpoint", "options": ["continue"]}


@pytest.mark.parametrize(
    ("context", "row", "resolution", "reason"),
    [
        (UNRESTRICTED, read_row(), "approve", None),
        (UNRESTRICTED, read_row(), None, None),
        (
            UNRESTRICTED,
            read_row(),
            "maybe",
            "'maybe' is not an option of this checkpoint; its options: approve, reject",
        ),
        (UNRESTRICTED, read_row(options=[]), "any words", None),
        (UNRESTRICTED, read_row(status="resolved"), "approve", "the checkpoint is already resolved"),
        (UNRESTRICTED, None, None, "no checkpoint is selected"),
        (WriteContext(read_only=True), read_row(), "approve", "this session is read-only"),
        (
            WriteContext(forbidden_answers="manage"),
            read_row(),
            "approve",
            "this credential may not answer: manage",
        ),
        (WriteContext(forbidden_replays="manage"), read_row(), "approve", None),
        (WriteContext(unknown=frozenset({"ckpt_1"})), read_row(), "approve", SENT_BEFORE),
        (WriteContext(busy=frozenset({"ckpt_1"})), read_row(), "approve", "another write to it is under way"),
        (UNRESTRICTED, read_row(**BREAKPOINT), "continue", None),
        (
            UNRESTRICTED,
            read_row(**BREAKPOINT),
            "approve",
            "'approve' is not an option of this checkpoint; its options: continue",
        ),
    ],
)
def test_why_an_answer_is_not_allowed(
    context: WriteContext, row: Checkpoint | None, resolution: str | None, reason: str | None
) -> None:
    assert why_not_answer(context, row, resolution) == reason


def test_only_a_breakpoint_can_be_continued() -> None:
    assert why_not_continue(UNRESTRICTED, read_row(**BREAKPOINT)) is None
    assert why_not_continue(UNRESTRICTED, read_row()) == "only a breakpoint can be continued; press a to answer it"


def test_only_a_run_with_a_known_input_can_be_replayed() -> None:
    index = MemoryIndex()
    index.add_newer([started(), entered("a", execution="exec_late")])
    assert why_not_replay(UNRESTRICTED, index.runs["exec_1"]) is None
    assert "is not known" in (why_not_replay(UNRESTRICTED, index.runs["exec_late"]) or "")
    assert why_not_replay(UNRESTRICTED, index.runs["exec_late"], given_input=True) is None
    assert why_not_replay(UNRESTRICTED, None) == "no run is selected"


async def test_an_accepted_answer_is_confirmed_by_a_later_event() -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve", "fine")
        assert (submission.kind, submission.progress) == (Kind.ANSWER, Progress.ACCEPTED)
        assert server.posts == [{"resolution": "approve", "comment": "fine"}]
        await session.read_once()
        seen = [submission.progress]
        server.sim.log.append(entered("after", NOON + 5))
        await session.read_once()
        assert [*seen, submission.progress] == [Progress.ACCEPTED, Progress.CONFIRMED]


async def test_a_refusal_shows_its_reason_and_blocks_further_answers() -> None:
    body = {
        "status": "error",
        "error": {"code": "AUTHZ_PERMISSION_DENIED", "message": "scaicore:manage required"},
        "meta": {"request_id": "req_9"},
    }
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(403, json=body))
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert (submission.progress, submission.request_id) == (Progress.REFUSED, "req_9")
        assert "scaicore:manage required" in submission.message
        assert "may not answer" in (session.why_not_answer("ckpt_1") or "")
        with pytest.raises(UsageError):
            await session.answer("ckpt_1", "approve")
        assert len(server.posts) == 1


@pytest.mark.parametrize("status", [404, 409])
async def test_a_conflict_shows_the_checkpoints_current_resolution(status: int) -> None:
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(status, json={"detail": "gone"}))
    server.resolved = [checkpoint(status="resolved", resolution="reject", resolved_by="usr_ada", resolved_at="noon")]
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert submission.progress is Progress.CONFLICT
        assert submission.message == "already answered: reject by usr_ada at noon"


@pytest.mark.parametrize(
    ("resolution", "progress"),
    [(None, Progress.UNKNOWN), ("approve", Progress.ACCEPTED), ("reject", Progress.CONFLICT)],
)
async def test_a_lost_answer_is_looked_up_and_never_repeated(resolution: str | None, progress: Progress) -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    server.resolved = [checkpoint(status="resolved", resolution=resolution)] if resolution else []
    async with server.session() as session:
        await session.read_once()
        assert (await session.answer("ckpt_1", "approve")).progress is progress
        assert len(server.posts) == 1


async def test_a_gateway_timeout_is_not_a_refusal() -> None:
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(504, json={"detail": "too slow"}))
    async with server.session() as session:
        await session.read_once()
        assert (await session.answer("ckpt_1", "approve")).progress is Progress.UNKNOWN


async def test_a_write_that_cannot_connect_is_not_sent() -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    server = WriteServer(one_checkpoint(), unreachable)
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert submission.progress is Progress.NOT_SENT
        assert "nothing was sent" in submission.message
        assert session.why_not_answer("ckpt_1", "approve") is None


async def test_a_checkpoint_that_is_not_pending_is_not_answered() -> None:
    server = WriteServer(FeedSim([started()]), accept_write)
    async with server.session() as session:
        await session.read_once()
        with pytest.raises(NotFound):
            await session.answer("ckpt_1", "approve")
        server.resolved = [
            checkpoint(status="resolved", resolution="reject", resolved_by="usr_ada", resolved_at="noon")
        ]
        with pytest.raises(Conflict, match="usr_ada"):
            await session.answer("ckpt_1", "approve")
        assert server.posts == []


async def test_a_replay_finds_a_likely_run() -> None:
    sim = FeedSim([started(), started(NOON + 1, "exec_other", input={"n": 2})])
    server = WriteServer(sim, lambda _: httpx.Response(200, json={"output": 1, "request_id": "req_1"}))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        assert server.posts == [{"input": {"n": 1}}]
        sim.log += [started(NOON + 2, "exec_3", input={"n": 2}), started(NOON + 3, "exec_4")]
        await session.read_once()
        assert (submission.execution_id, submission.is_likely_match, submission.progress) == (
            "exec_4",
            True,
            Progress.ACCEPTED,
        )


async def test_a_replay_whose_response_names_its_run_is_confirmed() -> None:
    sim = FeedSim([started()])
    server = WriteServer(sim, lambda _: httpx.Response(200, json={"output": None, "execution_id": "exec_9"}))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1", {"n": 5}, "user_7", given_input=True)
        assert server.posts == [{"input": {"n": 5}, "entity_id": "user_7"}]
        sim.log.append(started(NOON + 3, "exec_9", input={"n": 5}))
        await session.read_once()
        assert (submission.execution_id, submission.is_likely_match, submission.progress) == (
            "exec_9",
            False,
            Progress.CONFIRMED,
        )
