"""Send the runs that end during a recording to a receiver of traces, beside the recording, which never waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from scaicore_tui.cli.output import stderr
from scaicore_tui.clock import wait_for_event
from scaicore_tui.errors import StorageError, UsageError
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.export.trace.spans import resource_attributes, run_spans
from scaicore_tui.runs import Summary
from scaicore_tui.session import Session
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age, format_time

if TYPE_CHECKING:
    from scaicore_tui.export.record_types import TracesDocument
    from scaicore_tui.session.finished_runs import FinishedRuns
    from scaicore_tui.telemetry.sender import SendResult, TraceSender

# Time for what is left to send when a recording ends, and when it is interrupted.
FINISH_S, INTERRUPTED_S = 30.0, 2.0
# After a failure, which comes after attempts of the SDK, the next one waits this long; twice as long after each.
FIRST_RETRY_S, MAX_RETRY_S = 5.0, 60.0


class TraceRecording:
    """Sends each run once it is over, with one request at a time. A run that cannot be sent now is sent later."""

    def __init__(self, session: Session, sender: TraceSender, runs: FinishedRuns, *, has_payloads: bool) -> None:
        self._session = session
        self._sender = sender
        self._runs = runs
        self._has_payloads = has_payloads
        self._ending = asyncio.Event()
        self._retry_s = FIRST_RETRY_S
        self._problem = ""
        self._failing_since = 0.0
        self._refusals: set[str] = set()
        self._reported_late = self._reported_deleted = 0
        self._spans_sent = self._spans_refused = self._runs_sent = self._runs_refused = 0

    async def begin(self) -> None:
        """Find the runs that earlier recordings did not send. Call it before new events are read."""
        before = await self._runs.begin()
        if before:
            runs = "1 run that is" if before == 1 else f"{before:,} runs that are"
            self._say(f"{runs} over already will not be sent: export --format otlp writes such runs")

    async def run(self) -> None:
        """Send runs until `finish`."""
        while not self._ending.is_set():
            await self._send_ready()
            if self._problem:
                await wait_for_event(self._session.clock, self._retry_s, self._ending)
            elif not self._ending.is_set():
                await self._runs.changed.wait()
        if not self._problem:
            await self._send_ready(is_last_chance=True)

    async def finish(self, running: asyncio.Task[None], *, is_interrupted: bool) -> None:
        """Send what is ready, unless the receiver fails, and end the task `running`."""
        self._ending.set()
        self._runs.changed.set()
        if self._problem:
            self._sender.close()
        await asyncio.wait({running}, timeout=INTERRUPTED_S if is_interrupted else FINISH_S)
        self._sender.close()
        await asyncio.wait({running}, timeout=INTERRUPTED_S / 2)
        running.cancel()
        results = await asyncio.gather(running, return_exceptions=True)
        failures = [each for each in results if isinstance(each, Exception)]
        if failures:
            raise failures[0]

    def summary(self) -> TracesDocument:
        """Return what was sent so far."""
        return {
            "spans_sent": self._spans_sent,
            "spans_refused": self._spans_refused,
            "runs_sent": self._runs_sent,
            "runs_refused": self._runs_refused,
            "runs_waiting": self._runs.waiting_count,
            "runs_continued": self._runs.late,
            "runs_deleted": self._runs.deleted,
        }

    async def _send_ready(self, *, is_last_chance: bool = False) -> None:
        """Send all runs that are ready, until one fails."""
        self._runs.changed.clear()
        while (summary := await self._runs.next_ready(is_last_chance=is_last_chance)) is not None:
            try:
                result = await self._send(summary)
            except StorageError as error:
                self._fail(summary, f"a run cannot be read: {error.message}")
                return
            if not result.is_final:
                self._fail(summary, f"{self._sender.host} {result.problem}")
                return
            await self._note(summary, result)
            if self._ending.is_set() and not is_last_chance:
                return
        self._report_unsent()

    async def _send(self, summary: Summary) -> SendResult:
        exported = await self._runs.read(summary)
        return await asyncio.to_thread(
            lambda: self._sender.send(list(run_spans(exported, has_payloads=self._has_payloads)))
        )

    async def _note(self, summary: Summary, result: SendResult) -> None:
        """Count what a receiver answered to a run, and report what it refused."""
        self._spans_sent += result.accepted
        self._spans_refused += result.refused
        self._runs_sent += result.accepted > 0
        self._runs_refused += not result.accepted
        if self._problem:
            age = format_age(self._session.clock.monotonic() - self._failing_since)
            self._say(f"{self._sender.host} accepts runs again after {age}")
            self._problem, self._retry_s = "", FIRST_RETRY_S
        if result.problem and result.problem not in self._refusals:
            self._refusals.add(result.problem)
            self._say(f"{self._sender.host} {result.problem}, first of run {display_name(summary.execution_id)}")
        await self._runs.finish(summary, is_accepted=result.accepted > 0)

    def _fail(self, summary: Summary, problem: str) -> None:
        """Report a failure that may pass, and try another run next time."""
        if not self._problem:
            self._failing_since = self._session.clock.monotonic()
        else:
            self._retry_s = min(MAX_RETRY_S, 2 * self._retry_s)
        if problem != self._problem and not self._ending.is_set():
            count = self._runs.waiting_count
            runs = "1 run waits" if count == 1 else f"{count:,} runs wait"
            self._say(f"{problem}; {runs}, and recording goes on")
        self._problem = problem
        self._runs.postpone(summary)

    def _report_unsent(self) -> None:
        """Report what will never be sent."""
        if self._runs.late > self._reported_late:
            runs = "a run" if self._runs.late == 1 else f"{self._runs.late:,} runs"
            self._say(f"{runs} went on after having been sent: export --format otlp writes the whole run")
            self._reported_late = self._runs.late
        if self._runs.deleted > self._reported_deleted:
            runs = "a run" if self._runs.deleted == 1 else f"{self._runs.deleted:,} runs"
            self._say(f"{runs} reached the journal's age or size limit before being sent")
            self._reported_deleted = self._runs.deleted

    def _say(self, text: str) -> None:
        now = self._session.now
        stderr.say(f"{format_time(int(now * MICROS_PER_SECOND), now)} traces: {text}")


def open_sender(address: str, source: str) -> TraceSender:
    """Return the sender for `--otlp`. Raises UsageError if the extra is missing, or the address cannot be used."""
    try:
        from scaicore_tui.telemetry.sender import TraceSender
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "scaicore_tui":
            raise
        raise UsageError(
            "--otlp needs OpenTelemetry, which is not installed",
            effect="nothing was recorded",
            hint="pip install 'scaicore-tui[otlp]'",
        ) from error
    return TraceSender(address, resource_attributes(source, is_redacted=True))


def open_traces(session: Session, sender: TraceSender, redactor: Redactor, *, has_payloads: bool) -> TraceRecording:
    """Return what sends the runs of `session`, redacted."""
    runs = session.finished_runs(sender.receiver, redactor)
    return TraceRecording(session, sender, runs, has_payloads=has_payloads)
