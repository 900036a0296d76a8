"""The sender of traces beside a recording: what it does while a receiver fails, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs scaicore-tui[otlp]")

from scaicore_tui.cli.commands import record_traces
from scaicore_tui.cli.commands.record_traces import FIRST_RETRY_S, TraceRecording, open_traces
from scaicore_tui.errors import StorageError
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.export.trace.spans import Span
from scaicore_tui.runs import Delta
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.telemetry.sender import SendResult
from tests.support.builders import NOON, SECOND, exited, run_events
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

DOWN = SendResult(problem="cannot be reached: no connection", is_final=False)


class FakeSender:
    """Answers with `answer`; keeps the spans of each attempt."""

    host, receiver = "collector:4318", "receiver"

    def __init__(self) -> None:
        self.attempts: list[Sequence[Span]] = []
        self.answer: Callable[[Sequence[Span]], SendResult] = lambda spans: SendResult(accepted=len(spans))
        self.is_closed = False

    def send(self, spans: Sequence[Span]) -> SendResult:
        self.attempts.append(spans)
        return self.answer(spans)

    def close(self) -> None:
        self.is_closed = True

    @property
    def sent_runs(self) -> list[Any]:
        return [spans[0].attributes["scaicore.run.id"] for spans in self.attempts]


class Stage:
    """A session on `sim`, and the recording of its traces."""

    def __init__(self, session: Session, sim: FeedSim) -> None:
        self.session, self.sim, self.sender = session, sim, FakeSender()
        redactor = Redactor(Secret("k" * 64))
        sender: Any = self.sender
        self.traces: TraceRecording = open_traces(session, sender, redactor, has_payloads=False)

    async def begin(self) -> None:
        await self.traces.begin()
        self.task = asyncio.create_task(self.traces.run())

    @property
    def clock(self) -> ManualClock:
        clock = self.session.clock
        assert isinstance(clock, ManualClock)
        return clock

    async def read(self) -> None:
        """Poll twice: the second poll shows that nothing follows the end of a run."""
        await self.session.read_once()
        await self.session.read_once()

    async def attempts(self, count: int) -> None:
        await wait_until(lambda: len(self.sender.attempts) >= count or self.task.done())

    async def finish(self) -> Any:
        await self.traces.finish(self.task, is_interrupted=False)
        return self.traces.summary()


@asynccontextmanager
async def stage(*runs: str) -> AsyncIterator[Stage]:
    """Run the sender beside a session that knows no run yet."""
    sim = FeedSim([event for number, run in enumerate(runs) for event in run_events(run, NOON + number * SECOND)])
    async with sim.session() as session:
        found = Stage(session, sim)
        await found.begin()
        yield found
        if not found.task.done():
            await found.finish()


async def test_a_failing_receiver_is_tried_again_later_and_later(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage("exec_1", "exec_2") as scene:
        scene.sender.answer = lambda spans: DOWN
        await scene.read()
        await scene.attempts(1)
        # The next attempts come after 5, 10 and 20 seconds, each with another run: one bad run stops no others.
        for count, seconds in enumerate((FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S), 2):
            await wait_until(lambda: scene.clock.sleepers)
            scene.clock.advance(seconds - 0.5)
            await asyncio.to_thread(bool)
            assert len(scene.sender.attempts) == count - 1
            scene.clock.advance(0.5)
            await scene.attempts(count)
        assert scene.sender.sent_runs[0] != scene.sender.sent_runs[1]
        await wait_until(lambda: scene.clock.sleepers)
        scene.sender.answer = lambda spans: SendResult(accepted=len(spans))
        scene.clock.advance(8 * FIRST_RETRY_S)
        await scene.attempts(6)
        summary = await scene.finish()
    assert (summary["runs_sent"], summary["runs_waiting"], summary["spans_sent"]) == (2, 0, 4)
    messages = capsys.readouterr().err.splitlines()
    assert [message.partition("traces: ")[2] for message in messages] == [
        "collector:4318 cannot be reached: no connection; 2 runs wait, and recording goes on",
        "collector:4318 accepts runs again after 1m",
    ]


async def test_a_failing_receiver_does_not_delay_the_end() -> None:
    async with stage("exec_1") as scene:
        scene.sender.answer = lambda spans: DOWN
        await scene.read()
        await scene.attempts(1)
        await wait_until(lambda: scene.clock.sleepers)
        summary = await scene.finish()
        assert scene.sender.is_closed
        assert (len(scene.sender.attempts), summary["runs_waiting"], summary["runs_sent"]) == (1, 1, 0)


async def test_runs_that_ended_before_the_first_use_of_a_receiver_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with sim.session() as session:
        await session.read_once()
        scene = Stage(session, sim)
        await scene.begin()
        summary = await scene.finish()
    assert (summary["runs_sent"], summary["runs_waiting"]) == (0, 0)
    assert "1 run that is over already will not be sent: export --format otlp writes" in capsys.readouterr().err


async def test_what_ended_last_is_sent_at_the_end() -> None:
    async with stage("exec_1") as scene:
        await scene.session.read_once()
        summary = await scene.finish()
        assert (scene.sender.sent_runs, summary["runs_sent"], summary["spans_sent"]) == (["exec_1"], 1, 2)


async def test_a_receiver_that_hangs_delays_the_end_only_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_traces, "FINISH_S", 0.05)
    monkeypatch.setattr(record_traces, "INTERRUPTED_S", 0.05)
    from threading import Event

    answered = Event()
    async with stage("exec_1") as scene:

        def hang(spans: Sequence[Span]) -> SendResult:
            answered.wait()
            return SendResult(accepted=len(spans))

        scene.sender.answer = hang
        await scene.read()
        await scene.attempts(1)
        summary = await scene.finish()
        answered.set()
        assert (summary["runs_waiting"], summary["spans_sent"]) == (1, 0)


async def test_a_run_that_goes_on_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage("exec_1") as scene:
        await scene.read()
        await scene.attempts(1)
        await wait_until(lambda: not scene.traces.summary()["runs_waiting"])
        scene.sim.log.append(exited("late", NOON + SECOND))
        await scene.read()
        await wait_until(lambda: scene.traces.summary()["runs_continued"])
        summary = await scene.finish()
    assert (summary["runs_continued"], summary["runs_sent"]) == (1, 1)
    text = "traces: a run went on after having been sent: export --format otlp writes the whole run"
    assert text in capsys.readouterr().err


async def test_a_run_that_was_deleted_before_it_could_be_sent_is_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with stage("exec_1") as scene:
        await scene.session.read_once()
        scene.session._publish(Delta(removed=frozenset({"exec_1"}), is_loaded=True))
        summary = await scene.finish()
    assert (summary["runs_deleted"], summary["runs_sent"]) == (1, 0)
    assert "traces: a run reached the journal's age or size limit before being sent" in capsys.readouterr().err


async def test_a_run_that_cannot_be_read_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage("exec_1") as scene:

        async def fail(*_: object) -> None:
            raise StorageError("the disk is gone")

        with monkeypatch.context() as broken:
            broken.setattr("scaicore_tui.session.finished_runs.FinishedRuns.read", fail)
            await scene.read()
            await wait_until(lambda: scene.clock.sleepers)
        scene.clock.advance(FIRST_RETRY_S)
        await scene.attempts(1)
        summary = await scene.finish()
    assert summary["runs_sent"] == 1
    assert "traces: a run cannot be read: the disk is gone; 1 run waits" in capsys.readouterr().err


async def test_refusals_are_reported_once_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage("exec_1", "exec_2") as scene:
        scene.sender.answer = lambda spans: SendResult(
            refused=len(spans), problem="refused the spans of a run (HTTP 400)"
        )
        await scene.read()
        await scene.attempts(2)
        summary = await scene.finish()
    assert (summary["runs_refused"], summary["spans_refused"], summary["spans_sent"]) == (2, 4, 0)
    assert capsys.readouterr().err.count("refused the spans of a run (HTTP 400)") == 1
