"""What a session reads of other runs about one run: from the journal, once a minute, and never of the run itself."""

from __future__ import annotations

import pytest

from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run
from scaicore_tui.session import past_runs
from scaicore_tui.session.past_runs import REFRESH_S, PastRuns
from scaicore_tui.session.run_contexts import RunContexts
from scaicore_tui.store import Journal, JournalWriter, StoredRuns
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.scene import INVOICES, RunEvents, completed_triage, failed_batch

NOW = NOON + 3_600 * SECOND


class Reading:
    """A journal with events, and the contexts that are read from it."""

    def __init__(self, *runs: list[Event]) -> None:
        self.journal = Journal.in_memory()
        self.writer = JournalWriter(self.journal)
        self.writer.prepare()
        self.add(*runs)
        self.stored = StoredRuns(self.journal, lambda: None, lambda: ())
        self.clock = ManualClock(0)
        self.past = PastRuns(self.stored, self.clock)
        self.contexts = RunContexts(self.journal, self.past, self.clock.monotonic)

    def add(self, *runs: list[Event]) -> None:
        self.writer.append_new(sorted((each for run in runs for each in run), key=lambda each: each.at or 0))

    def run(self, execution_id: str) -> Run:
        return self.stored.run(self.stored.find_one(execution_id))


async def test_the_context_of_a_run_is_told_by_the_other_runs_of_its_core() -> None:
    reading = Reading(*(completed_triage(f"exec_{n}", n * 60) for n in range(3)), failed_batch("exec_bad", 10))
    context = await reading.contexts.read(reading.run("exec_2"), NOW)
    assert (context.number, context.total) == (1, 3)
    assert context.usual is not None
    assert context.usual.count == 2
    assert context.last_good is not None
    assert context.last_good.execution_id == "exec_1"
    assert context.usual_path == ("classify", "find_order", "reply")
    assert context.nodes[("reply", None)].run_count == 2
    assert context.nodes[("reply", None)].median_ms == 3_120.0


async def test_what_is_usual_leaves_out_waits_for_people() -> None:
    asked = [RunEvents(f"exec_{n}", "core_a", n * 60).start(n=1).step("pay", "rigid", 500, 1) for n in range(3)]
    ended = [run.step("ask", "checkpoint", 40_000 * (n + 1), 1).end({}).events for n, run in enumerate(asked)]
    reading = Reading(*ended)
    context = await reading.contexts.read_figures("exec_2", "core_a", NOW)
    assert context.usual is not None
    assert (context.usual.count, round(context.usual.longest_ms), context.usual.without_waits) == (2, 503, True)
    assert set(context.figures) == {"pay", "ask"}
    assert (await reading.contexts.read(reading.run("exec_2"), NOW)).usual == context.usual


async def test_likely_sub_runs_are_found_in_the_whole_journal() -> None:
    outer = RunEvents("exec_outer", INVOICES, 0).start(n=1).step("call", "core_call", 3_000, {"ok": 1}).end({}).events
    inner = RunEvents("exec_inner", "core_other", 1).start(claim=1).end({"ok": 1}).events
    later = [completed_triage(f"exec_{n}", 100 + n) for n in range(300)]
    reading = Reading(outer, inner, *later)
    context = await reading.contexts.read(reading.run("exec_outer"), NOW)
    assert [[each.execution_id for each in found] for found in context.calls.values()] == [["exec_inner"]]


async def test_what_is_known_is_read_again_after_a_minute_and_only_what_is_new() -> None:
    reading = Reading(completed_triage("exec_1", 0))
    run = reading.run("exec_1")
    (first,) = await reading.past.newest(run.core_id)
    assert (await reading.contexts.read(run, NOW)).total == 1
    reading.add(completed_triage("exec_2", 60))
    assert (await reading.contexts.read(run, NOW)).total == 1
    reading.clock.advance(REFRESH_S + 1)
    context = await reading.contexts.read(run, NOW)
    assert context.total == 2
    runs = await reading.past.newest(run.core_id)
    assert [each.execution_id for each in runs] == ["exec_2", "exec_1"]
    assert runs[1] is first


async def test_large_past_runs_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_runs, "MAX_PAST_EVENTS", 100)
    large = RunEvents("exec_large", "core_support-triage", 60).start(n=1)
    for _ in range(50):
        large.step("a", "rigid", 1, 1)
    reading = Reading(completed_triage("exec_1", 0), large.events)
    assert [run.execution_id for run in await reading.past.newest("core_support-triage")] == ["exec_large"]


async def test_a_damaged_journal_has_no_context() -> None:
    reading = Reading(completed_triage("exec_1", 0))
    run = reading.run("exec_1")
    with reading.journal.transaction() as database:
        database.execute("UPDATE runs SET summary = x'00'")
    assert await reading.contexts.read(run, NOW) is NO_CONTEXT
