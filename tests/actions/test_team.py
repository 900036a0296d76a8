"""Sessions that share a ledger: one POST in all, whenever its server is lost, and each is told what the others did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from scaicore_tui.actions import Ledger, Progress, Team
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.shared_writes import CLAIM_LIFETIME_S
from scaicore_tui.actions.team import PRESENCE_LIFETIME_S, TIMEOUT_S
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import Conflict, StorageError, TimedOut, UsageError
from scaicore_tui.runs import Delta
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session, TeamDelta
from scaicore_tui.store.shared_ledger import SharedWrite
from tests.support.builders import NOON, SECOND, checkpoint
from tests.support.manual_clock import ManualClock
from tests.support.memory_ledger import MemoryLedger
from tests.support.proxy import jwt
from tests.support.waiting import in_background, wait_until
from tests.support.write_feed import WriteServer, accept_write, lose_response, one_checkpoint


class Stage:
    """A server with one checkpoint, the ledger of a team, and machines with a state folder each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(NOON / SECOND)
        self.server = WriteServer(one_checkpoint(), accept_write)
        self.shared = MemoryLedger(self.clock.now)

    @asynccontextmanager
    async def session(self, person: str) -> AsyncIterator[Session]:
        """Open a session of a person on a machine of the same name; it has read the checkpoint."""
        target = Target(url="http://127.0.0.1:1/api/v1", token=Secret(jwt(sub=person)))
        client = Client(target, httpx.MockTransport(self.server.respond), self.clock)
        async with Session(
            target,
            clock=self.clock,
            client=client,
            ledger=Ledger(self.local(person)),
            open_team_ledger=lambda _: self.shared,
        ) as session:
            await session.read_once()
            yield session

    def local(self, person: str) -> Path:
        return self.folder / f"{person}.jsonl"

    def progress_on_machine(self, person: str) -> list[Progress]:
        """Return the progress of all writes in the ledger of a machine."""
        return [entry.progress for entry in Ledger(self.local(person)).entries()]

    @property
    def shared_write(self) -> SharedWrite:
        (write,) = self.shared.writes.values()
        return write


def team(session: Session) -> Team:
    assert session.team is not None
    return session.team


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_the_second_of_two_persons_is_told_who_answered(stage: Stage) -> None:
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        assert (await ada.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED
        await team(ada).flush()
        with pytest.raises(Conflict, match="already answered: ada answered approve 12:00:00 · accepted") as caught:
            await grace.answer("ckpt_1", "reject")
        assert caught.value.effect == "nothing was sent"
        assert grace.submissions[0].progress is Progress.CONFLICT
        assert "already answered" in str(grace.why_not_answer("ckpt_1", "reject"))
    assert stage.server.posts == [{"resolution": "approve"}]
    assert stage.progress_on_machine("grace") == [Progress.CONFLICT]
    assert stage.shared_write.person == "ada"
    assert "@" in stage.shared_write.machine


async def test_of_two_persons_who_press_at_once_one_sends(stage: Stage) -> None:
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        outcomes = await asyncio.gather(
            ada.answer("ckpt_1", "approve"), grace.answer("ckpt_1", "approve"), return_exceptions=True
        )
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert len(stage.server.posts) == 1


async def test_nothing_is_sent_while_the_ledger_is_unreachable(stage: Stage) -> None:
    stage.shared.is_away = True
    async with stage.session("ada") as ada:
        with pytest.raises(StorageError, match="the team's ledger is unreachable: can't connect") as caught:
            await ada.answer("ckpt_1", "approve")
        assert (caught.value.effect, caught.value.hint) == ("nothing was sent", "is the server running?")
        assert not stage.server.posts
        await ada.tracker.ledger_worker.flush()
        assert stage.progress_on_machine("ada") == [Progress.NOT_SENT]
        assert "the team's ledger is unreachable" in ada.ledger_problem
        stage.shared.is_away = False
        assert (await ada.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED
    assert len(stage.server.posts) == 1


async def test_a_claim_whose_response_is_lost_is_not_used_and_given_up_later(stage: Stage) -> None:
    stage.shared.loses_next = 0
    async with stage.session("ada") as ada:
        with pytest.raises(StorageError, match="nothing was sent"):
            await ada.answer("ckpt_1", "approve")
        assert stage.shared_write.progress == "sending"
        stage.shared.is_away = False
    assert (stage.shared_write.progress, stage.server.posts) == ("not sent", [])
    async with stage.session("grace") as grace:
        assert (await grace.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED


async def test_nothing_is_sent_if_the_server_hangs_and_its_late_claim_is_given_up(stage: Stage) -> None:
    async with stage.session("ada") as ada:
        stage.shared.answers.clear()
        answer = asyncio.ensure_future(ada.answer("ckpt_1", "approve"))
        await wait_until(lambda: stage.clock.sleepers)
        stage.clock.advance(TIMEOUT_S)
        with pytest.raises(StorageError, match="unreachable: its server has not answered for 15 s"):
            await answer
        await team(ada).flush()
    assert (stage.shared_write.progress, stage.server.posts) == ("not sent", [])


async def test_an_outcome_is_stored_once_the_server_is_back(stage: Stage) -> None:
    def lose_server(request: httpx.Request) -> httpx.Response:
        stage.shared.is_away = True
        return accept_write(request)

    stage.server.write = lose_server
    async with stage.session("ada") as ada:
        assert (await ada.answer("ckpt_1", "approve")).progress is Progress.ACCEPTED
        await team(ada).read_once()
        assert "outcomes of writes are only stored on this machine" in ada.ledger_problem
        assert stage.shared_write.progress == "sending"
        stage.shared.is_away = False
        await team(ada).read_once()
        assert (ada.ledger_problem, stage.shared_write.progress) == ("", "accepted")


async def test_an_outcome_that_only_one_machine_knows_is_delivered_by_its_next_session(stage: Stage) -> None:
    def lose_server(request: httpx.Request) -> httpx.Response:
        stage.shared.is_away = True
        return accept_write(request)

    stage.server.write = lose_server
    async with stage.session("ada") as ada:
        await ada.answer("ckpt_1", "approve")
    stage.shared.is_away = False
    async with stage.session("ada") as ada:
        await ada.recover_writes()
        await team(ada).flush()
        assert stage.shared_write.progress == "accepted"
    assert len(stage.server.posts) == 1


async def test_a_write_with_unknown_outcome_blocks_others_and_its_end_is_shared(stage: Stage) -> None:
    stage.server.write = lose_response
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        submission = await ada.answer("ckpt_1", "approve")
        assert submission.progress is Progress.UNKNOWN
        await team(ada).flush()
        with pytest.raises(UsageError, match=r"unknown: it may still arrive .* in 12 min, it can be answered"):
            await grace.answer("ckpt_1", "approve")
        stage.server.resolved = [checkpoint(status="resolved", resolution="approve", resolved_by="ada")]
        stage.server.sim.checkpoints.clear()
        stage.clock.advance(10)
        await ada.read_once()
        await team(ada).flush()
    assert stage.shared_write.progress == "accepted"
    assert len(stage.server.posts) == 1


async def test_a_machine_that_slept_after_its_claim_does_not_send(stage: Stage) -> None:
    async with stage.session("ada") as ada:
        claim = team(ada).claim

        async def claim_and_sleep(entry: Entry) -> None:
            await claim(entry)
            stage.clock.advance(CLAIM_LIFETIME_S + 1)

        with patch.object(team(ada), "claim", claim_and_sleep):
            submission = await ada.answer("ckpt_1", "approve")
        assert submission.progress is Progress.NOT_SENT
        assert isinstance(submission.failure, TimedOut)
    assert (stage.shared_write.progress, stage.server.posts) == ("not sent", [])
    assert stage.progress_on_machine("ada") == [Progress.NOT_SENT]


async def test_a_cancelled_claim_is_given_up(stage: Stage) -> None:
    async with stage.session("ada") as ada:
        answer = asyncio.ensure_future(ada.answer("ckpt_1", "approve"))
        await wait_until(lambda: stage.shared.writes)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
    assert stage.shared_write.progress in ("not sent", "unknown")
    assert len(stage.server.posts) == (stage.shared_write.progress == "unknown")


async def test_what_others_do_is_published_and_gone_when_it_ends(stage: Stage) -> None:
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        deltas: list[Delta] = []
        grace.subscribe(deltas.append)
        team(ada).announce("ckpt_1")
        await team(ada).flush()
        async with in_background(team(grace).run()):
            await wait_until(lambda: team(grace).view.present)
            assert team(grace).view.present == {"ckpt_1": ("ada",)}
            await ada.answer("ckpt_1", "approve")
            team(ada).withdraw("ckpt_1")
            await team(ada).flush()
            stage.clock.advance(10)
            await wait_until(lambda: team(grace).view.writes and not team(grace).view.present)
            assert team(grace).view.writes["ckpt_1"].progress == "accepted"
        assert TeamDelta(targets=frozenset({"ckpt_1"})) in deltas
        await team(ada).read_once()
        assert not team(ada).view.writes


async def test_a_dialog_of_a_machine_that_is_gone_is_not_shown_for_long(stage: Stage) -> None:
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        team(ada).announce("ckpt_1")
        # A dialog that was open before is closed late.
        team(ada).withdraw("ckpt_0")
        for _ in range(4):
            stage.clock.advance(PRESENCE_LIFETIME_S - 1)
            await team(ada).read_once()
            await team(grace).read_once()
            assert team(grace).view.present
        stage.clock.advance(PRESENCE_LIFETIME_S)
        await team(grace).read_once()
        assert not team(grace).view.present


async def test_replays_of_two_persons_are_both_sent_and_recorded(stage: Stage) -> None:
    stage.server.write = lambda _: httpx.Response(200, json={"data": {"output": {}}})
    async with stage.session("ada") as ada, stage.session("grace") as grace:
        for session in (ada, grace):
            await session.replay("exec_1")
    writes = stage.shared.writes.values()
    assert [(one.person, one.kind, one.target_id) for one in writes] == [
        ("ada", "replay", "exec_1"),
        ("grace", "replay", "exec_1"),
    ]
    assert len(stage.server.posts) == 2
