"""The session on the real thing: the proxy on a socket, a grid on another, and runs that really run."""

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
from tests.support.core_inputs import APPROVAL, INVOICES, TRIP
from tests.support.grid import MANAGER, MODULE, Served, serving
from tests.support.grid_api import run_to_end
from tests.support.proxy import jwt, proxy_server

pytestmark = pytest.mark.usefixtures("no_documented_limit")

EMPTY = {"batch": "B-1", "invoices": []}
# As the grid's store says it → as the session says it, for it knows suspended runs by their checkpoints.
STATUSES = {"suspended": "waiting", "running": "running", "completed": "completed", "failed": "failed"}
ATTEMPTS = 500


@asynccontextmanager
async def proxied(token: str = MANAGER, **settings: Any) -> AsyncIterator[tuple[Served, Target]]:
    """A grid, and how to reach it through a proxy."""
    async with serving(**settings) as served, proxy_server(ProxyConfig(served.url)) as url:
        yield served, target(f"{url}/api/v1", token)


def target(url: str, token: str = MANAGER, api: Api = Api.SCAIFLOW) -> Target:
    return Target(url=url, api=api, token=Secret(token), token_source="the test")


def stored(served: Served) -> dict[str, str]:
    """Execution → status, as the grid's store has it, in the session's words."""
    return {execution.id: STATUSES[execution.status] for execution in served.grid.store.executions()}


def seen(session: Session) -> dict[str, str]:
    """Execution → status, as the session has it."""
    return {run.execution_id: str(run.status) for run in session.index.runs.values()}


async def settled(session: Session, submission: Submission) -> None:
    """Read on until the feed tells what became of it."""
    for _ in range(ATTEMPTS):
        if submission.is_final:
            return
        await session.read_once()
    raise AssertionError(f"it is still {submission.progress}")


async def test_the_past_is_read_as_it_was() -> None:
    async with proxied(history=True, rate=0) as (served, api), Session(api, backfill=100_000) as session:
        await session.read_once()
        before = len(served.grid.store.events())
        for _ in range(ATTEMPTS):
            await session.read_once()
            if not served.grid.store.execution_table.roots("running"):
                break
        await session.read_once()
        assert seen(session) == stored(served)
        assert {"completed", "failed", "waiting"} == set(seen(session).values())
        assert [run.input for run in session.index.runs.values()] == [e.input for e in served.grid.store.executions()]
        assert session.index.event_count == len(served.grid.store.events()) >= before
        assert [row.id for row in session.checkpoints] == [
            row.id for row in served.grid.store.checkpoint_table.pending()
        ][::-1]


async def test_traffic_is_followed_while_it_goes_on() -> None:
    """Polled as fast as it answers, while runs start, wait and end between two pages."""
    async with proxied(rate=60_000.0) as (served, api), Session(api) as session:
        while len(stored(served)) < 60:
            await session.read_once()
            told, known = seen(session), stored(served)
            assert told.keys() <= known.keys()
            ended = {key: status for key, status in told.items() if status in ("completed", "failed")}
            assert ended.items() <= known.items()
        assert session.journal.gap_count() == 0
        assert not [run for run in session.index.runs.values() if run.joined_late or run.anomalies]


async def test_the_journal_is_the_feed_byte_for_byte(tmp_path: Path) -> None:
    kept: list[bytes] = []
    async with proxied() as (served, api):
        await run_to_end(served, INVOICES, EMPTY)
        for _ in range(2):
            async with Session(api, Journal.open(tmp_path / "kept.journal")) as session:
                await session.read_once()
                await run_to_end(served, APPROVAL, TRIP)
                await session.read_once()
                kept = [event.raw for event in session.events()]
        async with served.client() as client:
            body = (await client.get(f"{MODULE}/events", params={"limit": 500})).content
        offered = [event.raw for event in read_event_page(body).events]
        assert kept == offered[::-1]
        assert len(kept) == len(served.grid.store.events())
        assert all(raw in body for raw in kept)


async def test_an_answer_is_confirmed_by_the_run() -> None:
    async with proxied() as (served, api), Session(api) as session:
        execution = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (waiting,) = session.checkpoints
        assert (waiting.execution_id, seen(session)[execution]) == (execution, "waiting")
        submission = await session.answer(waiting.id, "approve", "fine")
        assert submission.progress is Progress.ACCEPTED
        await settled(session, submission)
        assert (submission.kind, submission.progress) == (Kind.ANSWER, Progress.CONFIRMED)
        found = served.grid.store.checkpoint_table.find(waiting.id)
        assert found is not None
        assert (found.status, found.body["resolution"], found.body["comment"]) == ("resolved", "approve", "fine")
        assert session.checkpoints == ()


async def test_an_answer_that_came_too_late_tells_who_was_faster() -> None:
    async with proxied() as (served, api), Session(api) as session:
        await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (waiting,) = served.grid.store.checkpoint_table.pending()
        served.grid.checkpoints.resolve(waiting, "reject", by="usr_grace")
        submission = await session.answer(waiting.id, "approve")
        assert submission.progress is Progress.CONFLICT
        assert "already answered: reject by usr_grace" in submission.message


async def test_a_viewer_is_refused_once_and_then_told_why() -> None:
    viewer = jwt(sub="usr_guest")
    async with proxied(viewer, tokens={viewer: "viewer"}) as (served, api), Session(api) as session:
        await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (waiting,) = session.checkpoints
        assert session.why_not_answer(waiting.id) is None
        submission = await session.answer(waiting.id, "approve")
        assert submission.progress is Progress.REFUSED
        assert isinstance(submission.failure, PermissionDenied)
        assert submission.failure.status == 403
        assert (submission.request_id or "").startswith("req_")
        assert "may not answer" in (session.why_not_answer(waiting.id) or "")
        assert [row.id for row in served.grid.store.checkpoint_table.pending()] == [waiting.id]


async def test_a_protected_profile_sends_nothing_that_was_not_typed_out() -> None:
    async with proxied() as (served, api), Session(replace(api, protected=True)) as session:
        execution = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        (waiting,) = session.checkpoints
        for typed in (None, "", "reject", "Approve it", "approve "):
            with pytest.raises(UsageError, match="protected: type approve"):
                await session.answer(waiting.id, "approve", typed=typed)
            with pytest.raises(UsageError, match=f"protected: type {APPROVAL}"):
                await session.replay(execution, typed=typed)
        assert {one.progress for one in session.submitter.submissions} == {Progress.NOT_SENT}
        assert [row.id for row in served.grid.store.checkpoint_table.pending()] == [waiting.id]
        submission = await session.answer(waiting.id, "approve", typed="Approve")
        await settled(session, submission)
        assert submission.progress is Progress.CONFIRMED


async def test_a_replay_starts_a_run_with_the_same_input() -> None:
    async with proxied() as (served, api), Session(api) as session:
        first = await run_to_end(served, INVOICES, EMPTY)
        await session.read_once()
        submission = await session.replay(first)
        await settled(session, submission)
        before, after = served.grid.store.executions()
        assert (before.id, after.id) == (first, submission.execution_id)
        assert (after.core_id, after.input) == (before.core_id, before.input)
        # The one new run with this input came to the very output and duration that the invocation answered with.
        assert submission.progress is Progress.CONFIRMED
        assert not submission.is_likely_match
        assert (submission.request_id or "").startswith("req_")
        assert seen(session) == {first: "completed", after.id: "completed"}


async def test_a_replay_that_suspends_names_its_run() -> None:
    """The grid then says which run it is: nothing is likely any more, it is known."""
    async with proxied() as (served, api), Session(api) as session:
        first = await run_to_end(served, APPROVAL, TRIP)
        await session.read_once()
        submission = await session.replay(first)
        await settled(session, submission)
        _, second = served.grid.store.executions()
        assert (submission.execution_id, submission.is_likely_match) == (second.id, False)
        assert submission.progress is Progress.CONFIRMED
        assert seen(session) == {first: "waiting", second.id: "waiting"}


async def test_both_ways_to_a_grid_bring_the_same_bytes() -> None:
    async with proxied() as (served, api):
        await run_to_end(served, APPROVAL, TRIP)
        async with Session(api) as through, Session(target(served.url, api=Api.SCAIGRID)) as direct:
            await through.read_once()
            await direct.read_once()
            assert [event.raw for event in through.events()] == [event.raw for event in direct.events()]
            assert [row.raw for row in through.checkpoints] == [row.raw for row in direct.checkpoints]
