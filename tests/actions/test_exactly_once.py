"""Writes over a wire that loses, delays and falsifies: one POST each, and what is said of it is what is true."""

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
    """The machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return super().now() + self.skipped

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped


@dataclass
class Scene:
    """A grid with one review that waits, a wire before it, and a session on that."""

    served: Served
    wire: FaultyProxy
    session: Session
    clock: SkippingClock
    checkpoint_id: str

    @property
    def truth(self) -> str:
        """What the grid's store says: pending, or the resolution that it took."""
        return truth(self.served, self.checkpoint_id)

    async def answer(self) -> Submission:
        return await self.session.answer(self.checkpoint_id, "approve")

    async def read_until(self, fact: Callable[[], object]) -> None:
        for _ in range(ATTEMPTS):
            if fact():
                return
            await self.session.read_once()
        raise AssertionError("it never came to hold")


def truth(served: Served, checkpoint_id: str) -> str:
    row = next(row for row in served.grid.store.checkpoints() if row.id == checkpoint_id)
    return str(row.body.get("resolution") or row.status)


def waiting(served: Served) -> list[str]:
    """The ids of all checkpoints that wait, oldest first."""
    return [row.id for row in reversed(served.grid.store.checkpoint_table.pending())]


def target(wire: FaultyProxy) -> Target:
    return Target(url=wire.url, api=Api.SCAIGRID, token=Secret(MANAGER))


@asynccontextmanager
async def scene(ledger: Ledger | None = None, write_timeout_s: float = WRITE_TIMEOUT_S) -> AsyncIterator[Scene]:
    async with serving() as served, faulty_proxy(served.url) as wire:
        await run_to_end(served, APPROVAL, TRIP)
        clock = SkippingClock()
        client = Client(target(wire), clock=clock, write_timeout_s=write_timeout_s)
        async with Session(client.target, clock=clock, client=client, ledger=ledger) as session:
            await session.read_once()
            yield Scene(served, wire, session, clock, waiting(served)[0])


async def test_a_good_wire_confirms() -> None:
    async with scene() as it:
        submission = await it.answer()
        await it.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert (len(it.wire.posts), it.truth) == (1, "approve")


async def test_lost_on_the_way_there_is_unknown_then_absent_and_may_be_sent_again() -> None:
    async with scene() as it:
        it.wire.fault = Fault.DROP_BEFORE
        submission = await it.answer()
        assert (submission.progress, it.truth) == (Progress.UNKNOWN, "pending")
        with pytest.raises(UsageError, match="looking it up"):
            await it.answer()
        it.clock.skipped += NOT_RECEIVED_AFTER_S
        await it.session.read_once()
        assert submission.progress is Progress.NOT_RECEIVED
        it.wire.fault = Fault.NONE
        again = await it.answer()
        await it.read_until(lambda: again.progress is Progress.CONFIRMED)
        assert (len(it.wire.posts), it.truth) == (2, "approve")


async def test_lost_on_the_way_back_is_found_and_confirmed() -> None:
    async with scene() as it:
        it.wire.fault = Fault.DROP_AFTER
        submission = await it.answer()
        assert it.truth == "approve"
        assert submission.message.startswith("the answer was received")
        await it.read_until(lambda: submission.progress is Progress.CONFIRMED)
        with pytest.raises(ScaicoreError):
            await it.answer()
        assert len(it.wire.posts) == 1


async def test_an_answer_that_is_late_is_looked_up() -> None:
    async with scene(write_timeout_s=0.3) as it:
        it.wire.fault = Fault.HOLD_AFTER
        submission = await it.answer()
        assert it.truth == "approve"
        await it.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert len(it.wire.posts) == 1


async def test_a_write_that_arrives_after_all_is_seen() -> None:
    async with scene(write_timeout_s=0.3) as it:
        it.wire.fault = Fault.HOLD_BEFORE
        submission = await it.answer()
        it.clock.skipped += INVOKE_TIMEOUT_S
        await it.session.read_once()
        assert (submission.progress, it.truth) == (Progress.UNKNOWN, "pending")
        with pytest.raises(UsageError, match="looking it up"):
            await it.answer()
        it.clock.skipped += NOT_RECEIVED_AFTER_S
        await it.session.read_once()
        assert (submission.progress, it.truth) == (Progress.NOT_RECEIVED, "pending")
        it.wire.release.set()
        await it.read_until(lambda: submission.progress is Progress.CONFIRMED)
        assert (len(it.wire.posts), it.truth) == (1, "approve")


NO = json.dumps({"status": "error", "error": {"code": "X", "message": "no"}, "meta": {"request_id": "req_f"}}).encode()
REFUSALS = {
    "403": forged_response("403 Forbidden", NO),
    "422": forged_response("422 Unprocessable Entity", b'{"detail": "no"}'),
    "429": forged_response("429 Too Many Requests", NO),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_changed_nothing(answer: bytes) -> None:
    async with scene() as it:
        it.wire.fault, it.wire.forged = Fault.FORGED, answer
        submission = await it.answer()
        assert (submission.progress, len(it.wire.posts), it.truth) == (Progress.REFUSED, 1, "pending")


STRANGE = {
    "500": forged_response("500 Internal Server Error", NO),
    "html": forged_response("200 OK", b"<html>login</html>", "text/html"),
    "502": forged_response("502 Bad Gateway", b"<html>bad gateway</html>", "text/html"),
    "503": forged_response("503 Service Unavailable", NO),
    "504": forged_response("504 Gateway Timeout", b"", "text/html"),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
async def test_an_answer_that_proves_nothing_is_unknown(answer: bytes) -> None:
    async with scene() as it:
        it.wire.fault, it.wire.forged = Fault.FORGED, answer
        submission = await it.answer()
        assert (submission.progress, len(it.wire.posts), it.truth) == (Progress.UNKNOWN, 1, "pending")


async def test_a_conflict_says_who_was_faster() -> None:
    async with scene() as it:

        def behind() -> None:
            row = it.served.grid.store.checkpoint_table.pending()[0]
            it.served.grid.checkpoints.resolve(row, "reject", by="usr_ada")

        it.wire.on_post = behind
        submission = await it.answer()
        assert (submission.progress, len(it.wire.posts), it.truth) == (Progress.CONFLICT, 1, "reject")
        assert submission.message.startswith("already answered: reject by usr_ada at ")


async def test_what_was_answered_since_the_last_look_is_not_sent() -> None:
    async with scene() as it:
        it.served.grid.checkpoints.resolve(it.served.grid.store.checkpoint_table.pending()[0], "reject", by="usr_ada")
        submission = await it.answer()
        assert (submission.progress, len(it.wire.posts), it.truth) == (Progress.CONFLICT, 0, "reject")
        assert "usr_ada" in submission.message


async def test_twenty_at_once_send_one() -> None:
    async with scene() as it:
        outcomes = await asyncio.gather(*(it.answer() for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(outcome, Submission) for outcome in outcomes) == 1
        assert (len(it.wire.posts), it.truth) == (1, "approve")


@asynccontextmanager
async def answering(wire: FaultyProxy, ledger: Path) -> AsyncIterator[Process]:
    """Another process of this program, ready to answer."""
    command = [sys.executable, "-m", "tests.support.resolver_process", wire.url, MANAGER, str(ledger)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        assert await said(process) == "ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def tell(process: Process, *words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(" ".join(words).encode() + b"\n")


async def test_two_processes_race_and_each_checkpoint_gets_one_post(tmp_path: Path) -> None:
    async with serving() as served, faulty_proxy(served.url) as wire:
        while len(waiting(served)) < RACES:
            await run_to_end(served, APPROVAL, TRIP)
        ledger = tmp_path / "ledger.jsonl"
        async with answering(wire, ledger) as one, answering(wire, ledger) as other:
            for checkpoint_id in waiting(served):
                for process in (one, other):
                    tell(process, checkpoint_id, "approve")
                said_of_it = {await said(one), await said(other)}
                assert said_of_it & {"accepted", "confirmed"}
                assert truth(served, checkpoint_id) == "approve"
        assert len(wire.posts) == RACES


@pytest.mark.parametrize("fault", [Fault.HOLD_BEFORE, Fault.HOLD_AFTER])
async def test_what_a_killed_process_left_behind_is_told_truly(tmp_path: Path, fault: Fault) -> None:
    path = tmp_path / "ledger.jsonl"
    async with serving() as served, faulty_proxy(served.url) as wire:
        while len(waiting(served)) < KILLS // 2:
            await run_to_end(served, APPROVAL, TRIP)
        for round_number, checkpoint_id in enumerate(waiting(served)):
            wire.fault = fault
            wire.arrived.clear()
            wire.release.clear()
            async with answering(wire, path) as process:
                tell(process, checkpoint_id, "approve")
                await wire.arrived.wait()
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
            # Of what was on its way there, every other one arrives after all.
            wire.fault = Fault.DROP_BEFORE if fault is Fault.HOLD_BEFORE and round_number % 2 else Fault.NONE
            if wire.fault is Fault.NONE:
                wire.release.set()
            await tells_the_truth(served, wire, Ledger(path), checkpoint_id)
        assert len(wire.posts) == KILLS // 2
    assert path.stat().st_mode & 0o777 == 0o600


async def tells_the_truth(served: Served, wire: FaultyProxy, ledger: Ledger, checkpoint_id: str) -> None:
    """The next start finds the write, and says what came of it."""
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
