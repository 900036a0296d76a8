"""Replays of several runs over a network that loses requests and responses: each is one POST at most."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from scaicore_tui.actions import Ledger, Progress
from scaicore_tui.analysis.replay_verdict import Verdict
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import UsageError
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.session.replay_batch import BatchItem, ReplayBatch, prepare
from tests.support.core_inputs import APPROVAL, DEBUG_SESSION, GOOD, INCIDENT, INVOICES, SPOILED
from tests.support.fault_injector import Fault, FaultyProxy, faulty_proxy
from tests.support.grid import MANAGER, Served, serving
from tests.support.grid_api import run_to_end

pytestmark = pytest.mark.usefixtures("no_documented_limit")


@dataclass
class Scene:
    """A grid with runs that ended, a faulty proxy in front of it, and a session that uses the proxy."""

    served: Served
    wire: FaultyProxy
    session: Session
    originals: list[str]

    @property
    def started(self) -> list[str]:
        """The ids of the runs that the engine started since, oldest first."""
        known = set(self.originals)
        return [run.id for run in self.served.grid.store.executions() if run.id not in known]

    async def batch(self, timeout_s: float = 5.0) -> ReplayBatch:
        """Return a batch of all original runs."""
        items = await prepare(self.session, self.originals)
        return ReplayBatch(
            self.session, items, partial(self.session.read_once, all_checkpoints=False), timeout_s=timeout_s
        )


def verdicts(batch: ReplayBatch) -> list[str]:
    return [str(item.verdict) for item in batch.items]


@asynccontextmanager
async def scene(ledger: Ledger | None = None, *, protected: bool = False) -> AsyncIterator[Scene]:
    """Run a scene with four failed batches, two of them with equal inputs, and one that completed."""
    inputs = [SPOILED, SPOILED, SPOILED | {"batch": "B-3"}, SPOILED | {"batch": "B-4"}, GOOD]
    async with serving() as served, faulty_proxy(served.url) as wire:
        originals = [await run_to_end(served, INVOICES, values) for values in inputs]
        target = Target(url=wire.url, api=Api.SCAIGRID, token=Secret(MANAGER), protected=protected)
        async with Session(target, ledger=ledger) as session:
            await session.read_once()
            yield Scene(served, wire, session, originals)


def lose(wire: FaultyProxy, *faults: Fault) -> None:
    """Give the POSTs these faults, one after the other; those after them have none."""
    left = list(faults)

    def next_fault() -> None:
        wire.fault = left.pop(0) if left else Fault.NONE

    wire.on_post = next_fault


async def test_lost_responses_are_looked_up_and_nothing_is_sent_twice() -> None:
    async with scene() as stage:
        lose(stage.wire, Fault.DROP_AFTER, Fault.NONE, Fault.DROP_AFTER, Fault.NONE, Fault.DROP_AFTER)
        batch = await stage.batch()
        await batch.run()
        assert verdicts(batch) == [*["same error"] * 4, "alike"]
        assert len(stage.wire.posts) == len(stage.originals)
        # Also of two replays with equal inputs, each is told its own run.
        assert [item.replay_id for item in batch.items] == stage.started
        # The last response was lost: that it is this run is likely.
        last = batch.items[-1].submission
        assert last is not None
        assert (last.progress, last.is_likely_match) == (Progress.UNKNOWN, True)
        sent = [json.loads(body)["input"]["batch"] for body in stage.wire.posts]
        assert sent == ["B-2", "B-2", "B-3", "B-4", "B-1"]


async def test_after_a_request_that_may_have_arrived_no_other_is_sent() -> None:
    async with scene() as stage:
        lose(stage.wire, Fault.NONE, Fault.DROP_BEFORE)
        batch = await stage.batch(timeout_s=0.3)
        await batch.run()
        assert verdicts(batch) == ["same error", "unknown", *["not sent"] * 3]
        assert (len(stage.wire.posts), len(stage.started)) == (2, 1)
        assert "no new run was found" in batch.items[1].message
        # Another one to the same run is refused until its outcome is known.
        again = await stage.batch()
        assert ["outcome is not known" in item.skip_reason for item in again.skipped] == [True]


async def test_a_server_that_is_gone_half_way_gets_no_more_requests() -> None:
    async with scene() as stage:
        lose(stage.wire, Fault.NONE, Fault.NONE, Fault.DROP_AFTER)
        url = stage.wire.upstream

        async def read_until_it_is_gone() -> None:
            if len(stage.wire.posts) == 3:
                stage.wire.upstream = "http://127.0.0.1:1"
            await stage.session.read_once()

        batch = ReplayBatch(
            stage.session, await prepare(stage.session, stage.originals), read_until_it_is_gone, timeout_s=0.3
        )
        await batch.run()
        assert verdicts(batch) == ["same error", "same error", "unknown", "not sent", "not sent"]
        assert (len(stage.wire.posts), len(stage.started)) == (3, 3)
        assert batch.items[-1].message == "not sent, as the one before failed"
        # It is back: the run is found, and nothing is sent for that.
        stage.wire.upstream = url
        await stage.session.read_once()
        assert (batch.items[2].replay_id, len(stage.wire.posts)) == (stage.started[2], 3)


async def test_a_replay_that_another_process_has_sent_is_not_sent_again(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    async with scene(Ledger(ledger)) as stage:
        stage.wire.fault = Fault.HOLD_BEFORE
        async with Session(stage.session.target, ledger=Ledger(ledger)) as other:
            await other.read_once()
            sending = asyncio.create_task(other.replay(stage.originals[0]))
            await stage.wire.arrived.wait()
            stage.wire.fault = Fault.NONE
            batch = await stage.batch()
            await batch.run()
            assert verdicts(batch) == ["not sent", *["same error"] * 3, "alike"]
            assert "is writing to it now" in batch.items[0].message
            stage.wire.release.set()
            await sending
        assert len(stage.wire.posts) == len(stage.originals)


async def test_cancelled_or_stopped_it_sends_no_more() -> None:
    async with scene() as stage:
        batch = await stage.batch()
        second = asyncio.Event()

        def hold_second() -> None:
            if len(stage.wire.posts) == 2:
                stage.wire.fault = Fault.HOLD_AFTER
                second.set()

        stage.wire.on_post = hold_second
        running = asyncio.create_task(batch.run())
        await second.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert verdicts(batch) == ["same error", "unknown", *["not sent"] * 3]
        assert (batch.is_finished, len(stage.wire.posts)) == (True, 2)
        stage.wire.release.set()
        submission = batch.items[1].submission
        assert submission is not None
        # The server has received it: its run is found, and nothing is sent for that.
        while submission.execution_id is None:
            await stage.session.read_once()
        assert (submission.execution_id, len(stage.wire.posts)) == (stage.started[1], 2)
    async with scene() as stage:
        batch = await stage.batch()
        stage.wire.on_post = batch.stop
        await batch.run()
        # The one that was sent is still followed.
        assert verdicts(batch) == ["same error", *["not sent"] * 4]
        assert (batch.items[-1].message, len(stage.wire.posts)) == ("stopped before it was sent", 1)


async def test_a_protected_profile_requires_the_word_for_the_batch() -> None:
    async with scene(protected=True) as stage:
        batch = await stage.batch()
        for typed in (None, "", INVOICES, "replay 4 runs"):
            with pytest.raises(UsageError, match="type “replay 5 runs”"):
                await batch.run(typed=typed)
        assert not stage.wire.posts
        assert (batch.is_finished, set(verdicts(batch))) == (True, {Verdict.NOT_SENT})
        await batch.run(typed="replay 5 runs")
        assert (len(stage.wire.posts), set(verdicts(batch))) == (5, {Verdict.SAME_ERROR, Verdict.ALIKE})


async def test_a_run_that_has_not_ended_in_time_is_unknown_and_the_next_is_sent() -> None:
    async with scene() as stage:
        waiting = await run_to_end(stage.served, DEBUG_SESSION, INCIDENT)
        done = await run_to_end(stage.served, APPROVAL, {"employee": "Ada", "amount": 1, "currency": "EUR"})
        await stage.session.read_once()
        assert [item.skip_reason[:17] for item in await prepare(stage.session, [waiting, "exec_none"])] == [
            "it has not ended:",
            "its events are no",
        ]
        items = await prepare(stage.session, [done, stage.originals[0]])
        reads = 0

        async def read_nothing_at_first() -> None:
            nonlocal reads
            reads += 1
            if reads > 1:
                await stage.session.read_once(all_checkpoints=False)

        batch = ReplayBatch(stage.session, items, read_nothing_at_first, timeout_s=0.0)
        await batch.run()
        assert [item.verdict for item in batch.items] == [Verdict.UNKNOWN, Verdict.SAME_ERROR]
        assert "no event of its run was read" in batch.items[0].message
        assert BatchItem("exec_1", None).verdict is None


async def test_a_verdict_follows_the_run_that_turned_out_to_be_the_replay() -> None:
    async with scene() as stage:
        items = await prepare(stage.session, stage.originals[:2])

        def find_another_run() -> None:
            first = items[0].submission
            if first is not None and items[1].judgement is not None:
                first.execution_id = stage.originals[-1]

        batch = ReplayBatch(stage.session, items, stage.session.read_once, on_changed=find_another_run)
        await batch.run()
        # The run that was found first failed, the other one completed.
        assert verdicts(batch) == ["fixed", "same error"]
        # An id that begins another one is that of no run.
        known = stage.originals[0]
        (item,) = await prepare(stage.session, [known[:-1]])
        assert item.skip_reason == "its events are not known any more"
