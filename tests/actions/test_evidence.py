"""Nothing is confirmed but what was sent: id, option and input are compared, and what is older proves nothing."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import UsageError
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from tests.support.builders import NOON, SECOND, checkpoint, completed, entered, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until
from tests.support.write_feed import WriteServer, lose_response, one_checkpoint

LATER = NOON + 5 * SECOND
DEAD = 2**22 + 1  # above the highest process number that Linux gives


def taken(**fields: Any) -> httpx.Response:
    """The answer to a resolve."""
    told = {"status": "resolved", "resolution": "approve", "resolved_by": "me"}
    return httpx.Response(200, json={"data": checkpoint(**(told | fields))})


@pytest.mark.parametrize(
    ("fields", "progress", "words"),
    [
        ({}, Progress.CONFIRMED, "the run has continued"),
        ({"resolution": None}, Progress.CONFIRMED, "the run has continued"),
        ({"resolution": "reject", "resolved_by": "usr_grace"}, Progress.CONFLICT, "reject by usr_grace"),
        ({"resolution": ["approve"]}, Progress.CONFLICT, "already answered"),
        ({"status": "expired", "resolution": None}, Progress.CONFLICT, "the checkpoint is expired"),
        ({"identity": "ckpt_2"}, Progress.UNKNOWN, "the response is about ckpt_2"),
    ],
)
async def test_an_answer_is_confirmed_only_where_the_server_says_the_same(
    fields: dict[str, Any], progress: Progress, words: str
) -> None:
    server = WriteServer(one_checkpoint(), lambda _: taken(**fields))
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        server.sim.log.append(entered("after", LATER))
        await session.read_once()
        assert (submission.progress, words in submission.message) == (progress, True)


async def test_an_answer_about_another_checkpoint_is_looked_up() -> None:
    server = WriteServer(one_checkpoint(), lambda _: taken(identity="ckpt_2"))
    server.resolved = [checkpoint(status="resolved", resolution="approve", resolved_by="me")]
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert submission.message.startswith("the answer was received: already answered: approve by me")


async def test_a_checkpoint_that_names_no_run_is_confirmed_by_its_being_resolved() -> None:
    row = checkpoint()
    del row["execution_id"]
    server = WriteServer(FeedSim([started()], checkpoints=[row]), lambda _: taken(execution_id=None))
    async with server.session() as session:
        await session.read_once()
        before = session.client.requests
        submission = await session.answer("ckpt_1", "approve")
        assert submission.progress is Progress.CONFIRMED
        assert session.client.requests - before <= 2


async def test_that_a_checkpoint_is_resolved_does_not_tell_with_which_answer() -> None:
    server = WriteServer(one_checkpoint(), lose_response)
    server.resolved = [checkpoint(status="resolved")]
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert (submission.progress, "does not say" in submission.message) == (Progress.UNKNOWN, True)


ENVELOPES: dict[str, tuple[dict[str, Any], str]] = {
    "ScaiGrid": ({"status": "error", "error": {"code": "MODEL_UNAVAILABLE", "message": "no such model"}}, "meta"),
    "with data": ({"status": "error", "data": None, "error": {"code": "X", "message": "no such model"}}, "meta"),
    "without status": ({"error": {"code": "X", "message": "no such model"}}, "meta"),
    "ScaiFlow": ({"detail": {"error": "model_unavailable", "message": "no such model"}}, "beside"),
    "a plain detail": ({"detail": "no such model"}, "beside"),
    "text": ({"error": "no such model"}, "beside"),
    "success": ({"success": False, "message": "no such model"}, "meta"),
    "code and message": ({"code": "MODEL_UNAVAILABLE", "message": "no such model"}, "meta"),
    "a status of its own": ({"status": 503, "title": "Unavailable", "detail": "no such model"}, "beside"),
    "inside data": ({"data": {"error": {"code": "X", "message": "no such model"}}}, "meta"),
}


@pytest.mark.parametrize("name", ENVELOPES)
@pytest.mark.parametrize("write", ["answer", "replay"])
async def test_an_error_with_status_200_is_a_refusal_with_its_reason_and_request_id(name: str, write: str) -> None:
    body, where = ENVELOPES[name]
    named = {"meta": {"request_id": "req_77"}} if where == "meta" else {"request_id": "req_77"}
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(200, json=body | named))
    async with server.session() as session:
        await session.read_once()
        submission = await (session.answer("ckpt_1", "approve") if write == "answer" else session.replay("exec_1"))
        assert (submission.progress, submission.request_id) == (Progress.REFUSED, "req_77")
        assert "no such model" in submission.message


async def test_that_somebody_on_the_way_did_not_wait_is_no_refusal() -> None:
    body = {"status": "error", "error": {"code": "BACKEND_TIMEOUT", "message": "too slow"}}
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(200, json=body))
    async with server.session() as session:
        await session.read_once()
        assert (await session.replay("exec_1")).progress is Progress.UNKNOWN


async def test_a_run_that_failed_was_invoked_and_its_error_is_told() -> None:
    body = {"status": "error", "duration_ms": 3, "error": {"code": "GUARD", "message": "too dear"}}
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(200, json=body))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        assert (submission.progress, submission.message) == (
            Progress.ACCEPTED,
            "invoked; the response contains an error: “too dear”",
        )


@pytest.mark.parametrize("path", ["/events", "/checkpoints"])
async def test_a_read_quotes_an_error_with_status_200(path: str) -> None:
    body = {"status": "error", "error": {"code": "TENANT_SUSPENDED", "message": "unpaid"}, "meta": {"request_id": "r7"}}
    sim = FeedSim([started()])

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=body) if request.url.path.endswith(path) else sim.respond(request)

    target = Target(url="http://127.0.0.1:1/api/v1")
    async with Session(target, client=Client(target, httpx.MockTransport(answer)), clock=ManualClock()) as session:
        with pytest.raises(Exception, match=r"“unpaid” \[200 TENANT_SUSPENDED\] \(r7\)"):
            await session.read_once()


def invoked(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"output": {"ok": True}, "duration_ms": 412} | fields)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (started(LATER, "exec_9", input={"n": 2}), "it has another input"),
        (started(LATER, "exec_9", input={"n": True}), "it has another input"),
        (started(NOON - SECOND, "exec_9"), "it began before the replay was sent"),
        (started(LATER, "exec_9", core_id="other"), None),
    ],
)
async def test_the_run_that_an_answer_names_is_compared_with_what_was_sent(run: Event, reason: str | None) -> None:
    server = WriteServer(one_checkpoint(), lambda _: invoked(execution_id="exec_9"))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        server.sim.log.append(run)
        await session.read_once()
        assert submission.progress is (Progress.CONFIRMED if reason is None else Progress.ACCEPTED)
        assert (submission.execution_id, reason or "" in submission.message) == (
            "exec_9" if reason is None else None,
            reason or True,
        )


@pytest.mark.parametrize("fields", [{"execution_id": "exec_1"}, {}])
async def test_the_original_run_is_never_its_own_replay(fields: dict[str, Any]) -> None:
    sim = FeedSim([started(), completed(NOON + 412_000, output={"ok": True}, duration_ms=412)])
    server = WriteServer(sim, lambda _: invoked(**fields))
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        await session.read_once()
        assert (submission.progress, submission.execution_id) == (Progress.ACCEPTED, None)


async def test_an_invocation_of_another_core_is_unknown() -> None:
    server = WriteServer(one_checkpoint(), lambda _: invoked(core_id="core_b"))
    async with server.session() as session:
        await session.read_once()
        assert (await session.replay("exec_1")).progress is Progress.UNKNOWN


@pytest.mark.parametrize(
    ("ahead", "seconds", "found"), [(0, -3, False), (0, 1, True), (3600, -3, False), (3600, 1, True)]
)
async def test_a_run_older_than_the_replay_is_not_likely_by_the_servers_clock(
    ahead: int, seconds: int, found: bool
) -> None:
    """`ahead` is the server's clock, which its `Date` tells; the run begins so many `seconds` after the POST."""
    server = WriteServer(FeedSim([started()]), lambda _: httpx.Response(200, json={"output": None}))
    answer = server.respond
    date = format_datetime(datetime.fromtimestamp(NOON / SECOND + ahead, UTC), usegmt=True)

    def dated(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        response.headers["Date"] = date
        return response

    server.respond = dated  # type: ignore[method-assign]
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        server.sim.log.append(started(NOON + (ahead + seconds) * SECOND, "exec_9"))
        await session.read_once()
        assert submission.execution_id == ("exec_9" if found else None)


async def test_one_run_is_not_likely_the_replay_of_two() -> None:
    server = WriteServer(
        FeedSim([started(), started(execution="exec_2")]), lambda _: httpx.Response(200, json={"output": 1})
    )
    async with server.session() as session:
        await session.read_once()
        first, second = await session.replay("exec_1"), await session.replay("exec_2")
        server.sim.log.append(started(LATER, "exec_9"))
        await session.read_once()
        assert [first.execution_id, second.execution_id] == ["exec_9", None]


class SlowLedger(Ledger):
    """Takes its time to write a claim down."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_go_on = threading.Event()

    def claim(self, entry: Entry) -> str | None:
        self.may_go_on.wait()
        return super().claim(entry)


async def test_before_it_is_sent_no_run_is_likely_a_replay(tmp_path: Path) -> None:
    server = WriteServer(FeedSim([started(), started(execution="exec_2")]), lambda _: invoked())
    ledger = SlowLedger(tmp_path / "ledger.jsonl")
    async with server.session(ledger=ledger) as session:
        await session.read_once()
        task = asyncio.create_task(session.replay("exec_1"))
        try:
            await wait_until(lambda: session.submitter.submissions)
            server.sim.log.append(started(NOON - SECOND, "exec_3"))
            await session.read_once()
            assert session.submitter.submissions[0].execution_id is None
        finally:
            ledger.may_go_on.set()
        assert (await task).execution_id is None


def left_behind(progress: Progress | None = None, **fields: Any) -> Ledger:
    """A ledger with the replay of a process that was killed."""
    ledger = Ledger()
    sent_at, sent_to = NOON / SECOND - 60, ("default", "127.0.0.1:1")
    entry = Entry("sub_1", sent_at, DEAD, *sent_to, Kind.REPLAY, "exec_1", "core_a", input={"n": 1})
    assert ledger.claim(entry) is None
    if progress is not None:
        ledger.record("sub_1", sent_at + 1, progress, **fields)
    return ledger


@pytest.mark.parametrize("noted", [{}, {"execution_id": "exec_1"}])
async def test_a_recovered_replay_names_neither_the_original_nor_a_run_before_it_and_unlocks_nothing(
    noted: dict[str, Any],
) -> None:
    log = [started(NOON - 600 * SECOND), started(NOON - 61 * SECOND, "exec_other")]
    server = WriteServer(FeedSim(log), lose_response)
    ledger = left_behind(Progress.UNKNOWN, **noted)
    async with server.session(ledger=ledger) as session:
        await session.read_once()
        (submission,) = session.tracker.recover()
        await session.read_once()
        assert (submission.progress, submission.execution_id) == (Progress.UNKNOWN, None)
        for _ in range(2):
            with pytest.raises(UsageError, match="looking it up"):
                await session.replay("exec_1")
            log.append(started(NOON - 58 * SECOND, "exec_9"))
            await session.read_once()
        assert (submission.execution_id, submission.is_likely_match, submission.progress) == (
            "exec_9",
            True,
            Progress.UNKNOWN,
        )
        assert server.posts == []
    (entry,) = ledger.entries()
    assert "looking it up" in str(ledger.claim(replace(entry, id="sub_2"))), "nor does it for another process"


async def test_by_a_clock_that_is_behind_the_original_is_no_replay_either() -> None:
    server = WriteServer(FeedSim([started(NOON)]), lose_response)
    async with server.session(ledger=left_behind()) as session:
        (submission,) = session.tracker.recover()
        await session.read_once()
        assert submission.execution_id is None
