"""The session with a real proxy and a real grid, over sockets, while runs are executed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import PermissionDenied, UsageError
from scaicore_tui.protocol import read_event_page
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from tests.support import stored
from tests.support.core_inputs import APPROVAL, INVOICES, TRIP
from tests.support.grid import MANAGER, MODULE, Served, serving
from tests.support.grid_api import run_to_end
from tests.support.proxy import jwt, proxy_server

pytestmark = pytest.mark.usefixtures("no_documented_limit")

EMPTY_BATCH = {"batch": "B-1", "invoices": []}
# Status in the grid's store → status in the session, which knows suspended runs by their checkpoints.
SESSION_STATUSES = {"suspended": "waiting", "running": "running", "completed": "completed", "failed": "failed"}
ATTEMPTS = 500


@asynccontextmanager
async def proxied(token: str = MANAGER, **settings: Any) -> AsyncIterator[tuple[Served, Target]]:
    """Run a grid behind a proxy; yield the grid and the target of the proxy."""
    async with serving(**settings) as served, proxy_server(ProxyConfig(served.url)) as url:
        yield served, target_for(f"{url}/api/v1", token)


def target_for(url: str, token: str = MANAGER, api: Api = Api.SCAIFLOW) -> Target:
    return Target(url=url, api=api, token=Secret(token), token_source="the test")


def grid_statuses(served: Served) -> dict[str, str]:
    """Return the status of each execution in the grid's store, as the session names it."""
    return {execution.id: SESSION_STATUSES[execution.status] for execution in served.grid.store.executions()}


def session_statuses(session: Session) -> dict[str, str]:
    """Return the status of each execution in the session."""
    return {run.execution_id: str(run.status) for run in stored.runs(session.stored_runs)}


async def read_until_final(session: Session, submission: Submission) -> None:
    """Read the feed until the outcome of the submission is known."""
    for _ in range(ATTEMPTS):
        if submission.is_final:
            return
        await session.read_once()
    raise AssertionError(f"the submission is still {submission.progress}")


async def test_past_runs_match_those_of_the_grid() -> None:
    async with proxied(history=True, rate=0) as (served, api), Session(api, backfill=100_000) as session:
        await session.read_once()
        before = len(served.grid.store.events())
        for _ in range(ATTEMPTS):
            await session.read_once()
            if not served.grid.store.execution_table.roots("running"):
                break
        await session.read_once()
        assert session_statuses(session) == grid_statuses(served)
        assert {"completed", "failed", "waiting"} == set(session_statuses(session).values())
        assert [run.input for run in stored.runs(session.stored_runs)] == [
            e.input for e in served.grid.store.executions()
        ]
        assert session.index.event_count == len(served.grid.store.events()) >= before
        assert [row.id for row in session.checkpoints] == [
            row.id for row in served.grid.store.checkpoint_table.pending()
        ][::-1]


async def test_live_traffic_is_followed_without_gaps() -> None:
    """Poll without pauses, while runs start, wait and end between two pages."""
    async with proxied(rate=60_000.0) as (served, api), Session(api) as session:
        while len(grid_statuses(served)) < 60:
            await session.read_once()
            shown, expected = session_statuses(session), grid_statuses(served)
            assert shown.keys() <= expected.keys()
            ended = {key: status for key, status in shown.items() if status in ("completed", "failed")}
            assert ended.items() <= expected.items()
        assert session.journal.gap_count() == 0
        assert not [run for run in stored.runs(session.stored_runs) if run.joined_late or run.anomalies]


async def test_the_journal_has_the_bytes_of_the_feed(tmp_path: Path) -> None:
    recorded: list[bytes] = []
    async with proxied() as (served, api):
        await run_to_end(served, INVOICES, EMPTY_BATCH)
        for _ in range(2):
            async with Session(api, Journal.open(tmp_path / "test.journal")) as session:
                await session.read_once()
                await run_to_end(served, APPROVAL, TRIP)
                await session.read_once()
                recorded = [event.raw for event in session.events()]
        async with served.client() as client:
            body = (await client.get(f"{MODULE}/events", params={"limit": 500})).content
        offered = [event.raw for event in read_event_page(body).events]
        assert recorded == offered[::-1]
        assert len(recorded) == len(served.grid.store.events())
        assert all(raw in body for raw in recorded)


async def test_an_answer_is_confirmed_when_its_run_continues() -> None:
    async with proxied() as (served, api), Session(api) as session:
        execution = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (checkpoint,) = session.checkpoints
        assert (checkpoint.execution_id, session_statuses(session)[execution]) == (execution, "waiting")
        submission = await session.answer(checkpoint.id, "approve", "fine")
        assert submission.progress is Progress.ACCEPTED
        await read_until_final(session, submission)
        assert (submission.kind, submission.progress) == (Kind.ANSWER, Progress.CONFIRMED)
        found = served.grid.store.checkpoint_table.find(checkpoint.id)
        assert found is not None
        assert (found.status, found.body["resolution"], found.body["comment"]) == ("resolved", "approve", "fine")
        assert session.checkpoints == ()


async def test_an_answer_that_is_too_late_names_who_answered_first() -> None:
    async with proxied() as (served, api), Session(api) as session:
        await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (checkpoint,) = served.grid.store.checkpoint_table.pending()
        served.grid.checkpoints.resolve(checkpoint, "reject", by="usr_grace")
        submission = await session.answer(checkpoint.id, "approve")
        assert submission.progress is Progress.CONFLICT
        assert "already answered: reject by usr_grace" in submission.message


async def test_after_a_rejected_answer_missing_permission_is_the_reason_shown() -> None:
    viewer = jwt(sub="usr_guest")
    async with proxied(viewer, tokens={viewer: "viewer"}) as (served, api), Session(api) as session:
        await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (checkpoint,) = session.checkpoints
        assert session.why_not_answer(checkpoint.id) is None
        submission = await session.answer(checkpoint.id, "approve")
        assert submission.progress is Progress.REFUSED
        assert isinstance(submission.failure, PermissionDenied)
        assert submission.failure.status == 403
        assert (submission.request_id or "").startswith("req_")
        assert "may not answer" in (session.why_not_answer(checkpoint.id) or "")
        assert [row.id for row in served.grid.store.checkpoint_table.pending()] == [checkpoint.id]


async def test_with_a_protected_profile_nothing_is_sent_without_the_typed_confirmation() -> None:
    async with proxied() as (served, api), Session(replace(api, protected=True)) as session:
        execution = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (checkpoint,) = session.checkpoints
        for typed in (None, "", "reject", "Approve it", "approve "):
            with pytest.raises(UsageError, match="protected: type approve"):
                await session.answer(checkpoint.id, "approve", typed=typed)
            with pytest.raises(UsageError, match=f"protected: type {APPROVAL}"):
                await session.replay(execution, typed=typed)
        assert {rejected.progress for rejected in session.submitter.submissions} == {Progress.NOT_SENT}
        assert [row.id for row in served.grid.store.checkpoint_table.pending()] == [checkpoint.id]
        submission = await session.answer(checkpoint.id, "approve", typed="Approve")
        await read_until_final(session, submission)
        assert submission.progress is Progress.CONFIRMED


async def test_a_replay_starts_a_run_with_the_same_input() -> None:
    async with proxied() as (served, api), Session(api) as session:
        first = await run_to_end(served, INVOICES, EMPTY_BATCH)
        await session.read_once()
        submission = await session.replay(first)
        await read_until_final(session, submission)
        before, after = served.grid.store.executions()
        assert (before.id, after.id) == (first, submission.execution_id)
        assert (after.core_id, after.input) == (before.core_id, before.input)
        # Only one new run has this input, and its output and duration equal those in the invocation's response.
        assert submission.progress is Progress.CONFIRMED
        assert not submission.is_likely_match
        assert (submission.request_id or "").startswith("req_")
        assert session_statuses(session) == {first: "completed", after.id: "completed"}


async def test_a_replay_that_suspends_names_its_run() -> None:
    """The grid then returns the run's id, so the match is certain."""
    async with proxied() as (served, api), Session(api) as session:
        first = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        submission = await session.replay(first)
        await read_until_final(session, submission)
        _, second = served.grid.store.executions()
        assert (submission.execution_id, submission.is_likely_match) == (second.id, False)
        assert submission.progress is Progress.CONFIRMED
        assert session_statuses(session) == {first: "waiting", second.id: "waiting"}


async def test_events_and_checkpoints_are_the_same_directly_and_through_the_proxy() -> None:
    async with proxied() as (served, api):
        await run_to_end(served, APPROVAL, TRIP)
        async with Session(api) as proxied_session, Session(target_for(served.url, api=Api.SCAIGRID)) as direct_session:
            await proxied_session.read_once()
            await direct_session.read_once()
            assert [event.raw for event in proxied_session.events()] == [event.raw for event in direct_session.events()]
            assert [row.raw for row in proxied_session.checkpoints] == [row.raw for row in direct_session.checkpoints]
