"""Writes over a network that loses, delays and falsifies: each is one POST, and its shown outcome is true."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scaicore_tui.actions import Ledger, Progress, Submission
from scaicore_tui.actions.tracker import NOT_RECEIVED_AFTER_S
from scaicore_tui.api.client import Client
from scaicore_tui.api.transport import INVOKE_TIMEOUT_S, WRITE_TIMEOUT_S
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import ScaicoreError, UsageError
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.fault_injector import Fault, FaultyProxy, faulty_proxy, forged_response
from tests.support.grid import MANAGER, Served, serving
from tests.support.grid_api import run_to_end

pytestmark = pytest.mark.usefixtures("no_documented_limit")

ATTEMPTS = 300
RACES = 50
KILLS = 20


class SkippingClock(SystemClock):
    """The machine's clock, which a test can set forward."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return super().now() + self.skipped

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped


@dataclass
class Scene:
    """A grid with one pending review, a faulty proxy in front of it, and a session that uses the proxy."""

    served: Served
    wire: FaultyProxy
    session: Session
    clock: SkippingClock
    checkpoint_id: str

    @property
    def truth(self) -> str:
        """Return the checkpoint's state in the grid's store: `pending`, or its resolution."""
        return truth(self.served, self.checkpoint_id)

    async def answer(self) -> Submission:
        return await self.session.answer(self.checkpoint_id, "approve")

    async def read_until(self, condition: Callable[[], object]) -> None:
        for _ in range(ATTEMPTS):
            if condition():
                return
            await self.session.read_once()
        raise AssertionError(f"not true after {ATTEMPTS} reads")


def truth(served: Served, checkpoint_id: str) -> str:
    row = next(row for row in served.grid.store.checkpoints() if row.id == checkpoint_id)
    return str(row.body.get("resolution") or row.status)


def pending_ids(served: Served) -> list[str]:
    """Return the ids of all pending checkpoints, oldest first."""
    return [row.id for row in reversed(served.grid.store.checkpoint_table.pending())]


def target(wire: FaultyProxy) -> Target:
    return Target(url=wire.url, api=Api.SCAIGRID, token=Secret(MANAGER))


@asynccontextmanager
async def faulty_scene(ledger: Ledger | None = None, write_timeout_s: float = WRITE_TIMEOUT_S) -> AsyncIterator[Scene]:
    async with serving() as served, faulty_proxy(served.url) as wire:
        await run_to_end(served, APPROVAL, TRIP)
        clock = SkippingClock()
        client = Client(target(wire), clock=clock, write_timeout_s=write_timeout_s)
        async with Session(client.target, clock=clock, client=client, ledger=ledger) as session:
            await session.read_once()
            yield Scene(served, wire, session, clock, pending_ids(served)[0])


async def test_an_answer_is_confirmed_without_faults() -> None:
    async with faulty_scene() as scene:
        submission = await scene.answer()
        await scene.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert (len(scene.wire.posts), scene.truth) == (1, "approve")


async def test_a_lost_request_is_unknown_then_not_received_and_may_be_sent_again() -> None:
    async with faulty_scene() as scene:
        scene.wire.fault = Fault.DROP_BEFORE
        submission = await scene.answer()
        assert (submission.progress, scene.truth) == (Progress.UNKNOWN, "pending")
        with pytest.raises(UsageError, match="looking it up"):
            await scene.answer()
        scene.clock.skipped += NOT_RECEIVED_AFTER_S
        await scene.session.read_once()
        assert submission.progress is Progress.NOT_RECEIVED
        scene.wire.fault = Fault.NONE
        again = await scene.answer()
        await scene.read_until(lambda: again.progress is Progress.CONFIRMED)
        assert (len(scene.wire.posts), scene.truth) == (2, "approve")


async def test_a_lost_response_is_looked_up_and_the_answer_confirmed() -> None:
    async with faulty_scene() as scene:
        scene.wire.fault = Fault.DROP_AFTER
        submission = await scene.answer()
        assert scene.truth == "approve"
        assert submission.message.startswith("the answer was received")
        await scene.read_until(lambda: submission.progress is Progress.CONFIRMED)
        with pytest.raises(ScaicoreError):
            await scene.answer()
        assert len(scene.wire.posts) == 1


async def test_a_late_response_starts_a_lookup() -> None:
    async with faulty_scene(write_timeout_s=0.3) as scene:
        scene.wire.fault = Fault.HOLD_AFTER
        submission = await scene.answer()
        assert scene.truth == "approve"
        await scene.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert len(scene.wire.posts) == 1


async def test_a_write_that_arrives_very_late_is_confirmed() -> None:
    async with faulty_scene(write_timeout_s=0.3) as scene:
        scene.wire.fault = Fault.HOLD_BEFORE
        submission = await scene.answer()
        scene.clock.skipped += INVOKE_TIMEOUT_S
        await scene.session.read_once()
        assert (submission.progress, scene.truth) == (Progress.UNKNOWN, "pending")
        with pytest.raises(UsageError, match="looking it up"):
            await scene.answer()
        scene.clock.skipped += NOT_RECEIVED_AFTER_S
        await scene.session.read_once()
        assert (submission.progress, scene.truth) == (Progress.NOT_RECEIVED, "pending")
        scene.wire.release.set()
        await scene.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert (len(scene.wire.posts), scene.truth) == (1, "approve")


NO = json.dumps({"status": "error", "error": {"code": "X", "message": "no"}, "meta": {"request_id": "req_f"}}).encode()
REFUSALS = {
    "403": forged_response("403 Forbidden", NO),
    "422": forged_response("422 Unprocessable Entity", b'{"detail": "no"}'),
    "429": forged_response("429 Too Many Requests", NO),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_a_refused_answer_changes_nothing(answer: bytes) -> None:
    async with faulty_scene() as scene:
        scene.wire.fault, scene.wire.forged = Fault.FORGED, answer
        submission = await scene.answer()
        assert (submission.progress, len(scene.wire.posts), scene.truth) == (Progress.REFUSED, 1, "pending")


INCONCLUSIVE = {
    "500": forged_response("500 Internal Server Error", NO),
    "html": forged_response("200 OK", b"<html>login</html>", "text/html"),
    "502": forged_response("502 Bad Gateway", b"<html>bad gateway</html>", "text/html"),
    "503": forged_response("503 Service Unavailable", NO),
    "504": forged_response("504 Gateway Timeout", b"", "text/html"),
}


@pytest.mark.parametrize("answer", INCONCLUSIVE.values(), ids=INCONCLUSIVE)
async def test_an_inconclusive_response_makes_the_outcome_unknown(answer: bytes) -> None:
    async with faulty_scene() as scene:
        scene.wire.fault, scene.wire.forged = Fault.FORGED, answer
        submission = await scene.answer()
        assert (submission.progress, len(scene.wire.posts), scene.truth) == (Progress.UNKNOWN, 1, "pending")


async def test_a_conflict_names_who_answered_first() -> None:
    async with faulty_scene() as scene:

        def behind() -> None:
            row = scene.served.grid.store.checkpoint_table.pending()[0]
            scene.served.grid.checkpoints.resolve(row, "reject", by="usr_ada")

        scene.wire.on_post = behind
        submission = await scene.answer()
        assert (submission.progress, len(scene.wire.posts), scene.truth) == (Progress.CONFLICT, 1, "reject")
        assert submission.message.startswith("already answered: reject by usr_ada at ")


async def test_a_checkpoint_answered_since_the_last_read_is_not_answered_again() -> None:
    async with faulty_scene() as scene:
        scene.served.grid.checkpoints.resolve(
            scene.served.grid.store.checkpoint_table.pending()[0], "reject", by="usr_ada"
        )
        submission = await scene.answer()
        assert (submission.progress, len(scene.wire.posts), scene.truth) == (Progress.CONFLICT, 0, "reject")
        assert "usr_ada" in submission.message


async def test_twenty_simultaneous_answers_send_one_post() -> None:
    async with faulty_scene() as scene:
        outcomes = await asyncio.gather(*(scene.answer() for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(outcome, Submission) for outcome in outcomes) == 1
        assert (len(scene.wire.posts), scene.truth) == (1, "approve")


@asynccontextmanager
async def answering_process(wire: FaultyProxy, ledger: Path) -> AsyncIterator[Process]:
    """Start another process of this program; it is ready to answer checkpoints."""
    command = [sys.executable, "-m", "tests.support.resolver_process", wire.url, MANAGER, str(ledger)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        assert await read_line(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def read_line(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def send_command(process: Process, *words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(" ".join(words).encode() + b"\n")


async def test_two_racing_processes_send_one_post_for_each_checkpoint(tmp_path: Path) -> None:
    async with serving() as served, faulty_proxy(served.url) as wire:
        while len(pending_ids(served)) < RACES:
            await run_to_end(served, APPROVAL, TRIP)
        ledger = tmp_path / "ledger.jsonl"
        async with answering_process(wire, ledger) as one, answering_process(wire, ledger) as other:
            for checkpoint_id in pending_ids(served):
                for process in (one, other):
                    send_command(process, checkpoint_id, "approve")
                progresses = {await read_line(one), await read_line(other)}
                assert progresses & {"accepted", "confirmed"}
                assert truth(served, checkpoint_id) == "approve"
        assert len(wire.posts) == RACES


@pytest.mark.parametrize("fault", [Fault.HOLD_BEFORE, Fault.HOLD_AFTER])
async def test_the_write_of_a_killed_process_is_recovered_with_its_true_outcome(tmp_path: Path, fault: Fault) -> None:
    path = tmp_path / "ledger.jsonl"
    async with serving() as served, faulty_proxy(served.url) as wire:
        while len(pending_ids(served)) < KILLS // 2:
            await run_to_end(served, APPROVAL, TRIP)
        for round_number, checkpoint_id in enumerate(pending_ids(served)):
            wire.fault = fault
            wire.arrived.clear()
            wire.release.clear()
            async with answering_process(wire, path) as process:
                send_command(process, checkpoint_id, "approve")
                await wire.arrived.wait()
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
            # A request that was held before the grid arrives after all in every other round.
            wire.fault = Fault.DROP_BEFORE if fault is Fault.HOLD_BEFORE and round_number % 2 else Fault.NONE
            if wire.fault is Fault.NONE:
                wire.release.set()
            await assert_recovered(served, wire, Ledger(path), checkpoint_id)
        assert len(wire.posts) == KILLS // 2
    assert path.stat().st_mode & 0o777 == 0o600


async def assert_recovered(served: Served, wire: FaultyProxy, ledger: Ledger, checkpoint_id: str) -> None:
    """Assert that the next session recovers the write and shows its true outcome."""
    clock = SkippingClock()
    wire.fault = Fault.NONE
    async with Session(target(wire), clock=clock, ledger=ledger) as session:
        (submission,) = session.tracker.recover()
        assert (submission.target_id, submission.progress) == (checkpoint_id, Progress.UNKNOWN)
        for _ in range(ATTEMPTS):
            clock.skipped += 10
            await session.read_once()
            if submission.progress in (Progress.CONFIRMED, Progress.NOT_RECEIVED):
                break
        expected = Progress.CONFIRMED if truth(served, checkpoint_id) == "approve" else Progress.NOT_RECEIVED
        assert submission.progress is expected
    assert ledger.entries()[-1].progress is expected
