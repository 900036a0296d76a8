"""A write is confirmed only by evidence of that very write: the same id, option and input, and nothing older."""

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
DEAD_PID = 2**22 + 1  # Linux assigns no process id this high.


def resolved(**fields: Any) -> httpx.Response:
    """Return the response to a resolve request."""
    defaults = {"status": "resolved", "resolution": "approve", "resolved_by": "me"}
    return httpx.Response(200, json={"data": checkpoint(**(defaults | fields))})


@pytest.mark.parametrize(
    ("fields", "progress", "text"),
    [
        ({}, Progress.CONFIRMED, "the run has continued"),
        ({"resolution": None}, Progress.CONFIRMED, "the run has continued"),
        ({"resolution": "reject", "resolved_by": "usr_grace"}, Progress.CONFLICT, "reject by usr_grace"),
        ({"resolution": ["approve"]}, Progress.CONFLICT, "already answered"),
        ({"status": "expired", "resolution": None}, Progress.CONFLICT, "the checkpoint is expired"),
        ({"identity": "ckpt_2"}, Progress.UNKNOWN, "the response is about ckpt_2"),
    ],
)
async def test_an_answer_is_confirmed_only_if_the_response_matches_it(
    fields: dict[str, Any], progress: Progress, text: str
) -> None:
    server = WriteServer(one_checkpoint(), lambda _: resolved(**fields))
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        server.sim.log.append(entered("after", LATER))
        await session.read_once()
        assert (submission.progress, text in submission.message) == (progress, True)


async def test_a_response_about_another_checkpoint_starts_a_lookup() -> None:
    server = WriteServer(one_checkpoint(), lambda _: resolved(identity="ckpt_2"))
    server.resolved = [checkpoint(status="resolved", resolution="approve", resolved_by="me")]
    async with server.session() as session:
        await session.read_once()
        submission = await session.answer("ckpt_1", "approve")
        assert submission.message.startswith("the answer was received: already answered: approve by me")


async def test_a_checkpoint_without_a_run_is_confirmed_by_its_resolved_status() -> None:
    row = checkpoint()
    del row["execution_id"]
    server = WriteServer(FeedSim([started()], checkpoints=[row]), lambda _: resolved(execution_id=None))
    async with server.session() as session:
        await session.read_once()
        before = session.client.requests
        submission = await session.answer("ckpt_1", "approve")
        assert submission.progress is Progress.CONFIRMED
        assert session.client.requests - before <= 2


async def test_a_resolved_checkpoint_without_its_resolution_confirms_no_answer() -> None:
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
    "ScaiFlow": ({"detail": {"error": "model_unavailable", "message": "no such model"}}, "top level"),
    "detail as text": ({"detail": "no such model"}, "top level"),
    "error as text": ({"error": "no such model"}, "top level"),
    "success": ({"success": False, "message": "no such model"}, "meta"),
    "code and message": ({"code": "MODEL_UNAVAILABLE", "message": "no such model"}, "meta"),
    "problem details": ({"status": 503, "title": "Unavailable", "detail": "no such model"}, "top level"),
    "inside data": ({"data": {"error": {"code": "X", "message": "no such model"}}}, "meta"),
}


@pytest.mark.parametrize("name", ENVELOPES)
@pytest.mark.parametrize("write", ["answer", "replay"])
async def test_an_error_with_status_200_is_a_refusal_with_its_reason_and_request_id(name: str, write: str) -> None:
    body, request_id_location = ENVELOPES[name]
    id_field = {"meta": {"request_id": "req_77"}} if request_id_location == "meta" else {"request_id": "req_77"}
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(200, json=body | id_field))
    async with server.session() as session:
        await session.read_once()
        submission = await (session.answer("ckpt_1", "approve") if write == "answer" else session.replay("exec_1"))
        assert (submission.progress, submission.request_id) == (Progress.REFUSED, "req_77")
        assert "no such model" in submission.message


async def test_a_backend_timeout_is_not_a_refusal() -> None:
    body = {"status": "error", "error": {"code": "BACKEND_TIMEOUT", "message": "too slow"}}
    server = WriteServer(one_checkpoint(), lambda _: httpx.Response(200, json=body))
    async with server.session() as session:
        await session.read_once()
        assert (await session.replay("exec_1")).progress is Progress.UNKNOWN


async def test_a_failed_run_counts_as_invoked_and_its_error_is_shown() -> None:
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
async def test_the_run_named_in_a_response_is_compared_with_the_replay(run: Event, reason: str | None) -> None:
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
async def test_a_run_older_than_the_replay_by_the_servers_clock_is_no_match(
    ahead: int, seconds: int, found: bool
) -> None:
    """The server's clock, as in its `Date`, is `ahead` seconds fast; the run begins `seconds` after the POST."""
    server = WriteServer(FeedSim([started()]), lambda _: httpx.Response(200, json={"output": None}))
    answer = server.respond
    date = format_datetime(datetime.fromtimestamp(NOON / SECOND + ahead, UTC), usegmt=True)

    def respond_with_date(request: httpx.Request) -> httpx.Response:
        response = answer(request)
        response.headers["Date"] = date
        return response

    server.respond = respond_with_date  # type: ignore[method-assign]
    async with server.session() as session:
        await session.read_once()
        submission = await session.replay("exec_1")
        server.sim.log.append(started(NOON + (ahead + seconds) * SECOND, "exec_9"))
        await session.read_once()
        assert submission.execution_id == ("exec_9" if found else None)


async def test_one_run_matches_only_one_of_two_replays() -> None:
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
    """Records no claim until `may_continue` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_continue = threading.Event()

    def claim(self, entry: Entry) -> str | None:
        self.may_continue.wait()
        return super().claim(entry)


async def test_no_run_matches_a_replay_before_the_replay_is_sent(tmp_path: Path) -> None:
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
            ledger.may_continue.set()
        assert (await task).execution_id is None


def ledger_of_killed_process(progress: Progress | None = None, **fields: Any) -> Ledger:
    """Return a ledger that contains the replay of a killed process."""
    ledger = Ledger()
    sent_at, sent_to = NOON / SECOND - 60, ("default", "127.0.0.1:1")
    entry = Entry("sub_1", sent_at, DEAD_PID, *sent_to, Kind.REPLAY, "exec_1", "core_a", input={"n": 1})
    assert ledger.claim(entry) is None
    if progress is not None:
        ledger.record("sub_1", sent_at + 1, progress, **fields)
    return ledger


@pytest.mark.parametrize("recorded", [{}, {"execution_id": "exec_1"}])
async def test_a_recovered_replay_matches_no_earlier_run_and_stays_locked(
    recorded: dict[str, Any],
) -> None:
    log = [started(NOON - 600 * SECOND), started(NOON - 61 * SECOND, "exec_other")]
    server = WriteServer(FeedSim(log), lose_response)
    ledger = ledger_of_killed_process(Progress.UNKNOWN, **recorded)
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
    assert "looking it up" in str(ledger.claim(replace(entry, id="sub_2"))), (
        "the replay stays locked for another process too"
    )


async def test_the_original_is_not_its_own_replay_if_the_clock_is_behind() -> None:
    server = WriteServer(FeedSim([started(NOON)]), lose_response)
    async with server.session(ledger=ledger_of_killed_process()) as session:
        (submission,) = session.tracker.recover()
        await session.read_once()
        assert submission.execution_id is None
