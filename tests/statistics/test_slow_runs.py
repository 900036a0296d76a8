"""Which open runs are said to take longer than usual: hints in words, and the runs that `is:slow` finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scaicore_tui.analysis.query import RUNS, QueryContext, RunRow, asks_for, compile_query, parse_query
from scaicore_tui.analysis.query.rows import RunPayloads
from scaicore_tui.analysis.slow_hints import hints_text, slow_hints
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Gap, Run
from scaicore_tui.runs.cache import project
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.recordings import open_recording
from scaicore_tui.store.run_search import RunSearch
from scaicore_tui.store.slow_runs import read_slow_runs
from scaicore_tui.store.statistics import StoredStatistics
from tests.support.builders import NOON, SECOND
from tests.support.journals import Journals
from tests.support.scene import RunEvents

CORE = "core_a"


def finished(number: int) -> list[Event]:
    """Return a run in which a step and a loop around it took two seconds, and a person a day."""
    events = RunEvents(f"exec_{number}", CORE, 0).start(n=1)
    events.step("each", "for_each", 2_000, 1).step("draft", "rigid", 2_000, 1).step("ask", "checkpoint", 86_400_000, 1)
    return events.end({}).events


def opened(execution_id: str, *blocks: tuple[str, str]) -> list[Event]:
    events = RunEvents(execution_id, CORE, 0).start(n=1)
    for node, kind in blocks:
        events.enter(node, kind)
    return events.events


@contextmanager
def journal_of(journals: Journals, *runs: list[Event]) -> Iterator[Journal]:
    with journals.scratch() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(sorted((event for run in runs for event in run), key=lambda event: event.at or 0))
        yield journal


def test_an_open_step_is_slow_from_a_limit_on_and_never_while_a_person_is_waited_for(journals: Journals) -> None:
    past = [finished(number) for number in range(20)]
    slow = opened("exec_slow", ("each", "for_each"), ("draft", "rigid"))
    asking = opened("exec_asking", ("ask", "checkpoint"))
    other = RunEvents("exec_other", "core_b", 0).start(n=1).enter("draft", "rigid").events
    with journal_of(journals, *past, slow, asking, other) as journal:
        begun_at = slow[-1].at or 0
        assert read_slow_runs(journal, begun_at + 11 * SECOND, (), ()) == {}
        hint = "draft: slower than 95 of 100 (n 20) · each: slower than 95 of 100 (n 20)"
        quiet = "no event for 14 min; usual gap ≤ 2 s"
        found = read_slow_runs(journal, begun_at + 840 * SECOND, (), ())
        assert found == {"exec_slow": f"{hint} · {quiet}"}
        assert read_slow_runs(journal, begun_at + 840 * SECOND, ("exec_slow",), ()) == {}, "it waits for a person"
        gap = Gap(10**9, NOON, NOON, None, None, None)
        assert read_slow_runs(journal, begun_at + 840 * SECOND, (), (gap,)) == {}, "the step may have ended in a gap"

        context = QueryContext(begun_at, slow=frozenset(found))
        for text in ("is:slow", "is=slow core:a", "!is:slow", "is:slow status:completed"):
            query = parse_query(text, RUNS)
            assert asks_for(query, RUNS, "is", "slow")
            stored = [row.execution_id for row in RunSearch(journal, query, context).summaries()]
            assert ("exec_slow" in stored) is (text in ("is:slow", "is=slow core:a"))
            matches = compile_query(query, RUNS, begun_at)
            everything = RunSearch(journal, parse_query("", RUNS), context).summaries()
            rows = [RunRow(row, context, lambda row: RunPayloads(Run(row.execution_id))) for row in everything]
            assert [row.summary.execution_id for row in rows if matches(row)] == stored


def test_a_file_of_events_tells_slow_runs_as_of_its_end(tmp_path: Path) -> None:
    runs = [finished(number) for number in range(20)]
    runs += [opened("exec_slow", ("draft", "rigid")), opened("exec_asking", ("ask", "checkpoint"))]
    events = sorted((event for run in runs for event in run), key=lambda event: event.at or 0)
    lines = tmp_path / "events.jsonl"
    lines.write_bytes(b"".join(event.raw + b"\n" for event in events))
    with open_recording(lines) as recording:
        found = recording.read_slow_runs()
    assert found == {"exec_slow": "draft: slower than 95 of 100 (n 20) · no event for 24 h; usual gap ≤ 2 s"}


def test_an_answer_leaves_no_hint_on_what_waited_for_it(journals: Journals) -> None:
    events = (
        RunEvents("exec_1", CORE, 0)
        .start(n=1)
        .enter("each", "for_each")
        .step("ask", "checkpoint", 86_400_000, 1)
        .events
    )
    with journal_of(journals, *(finished(number) for number in range(20))) as journal:
        figures = {row.name: row for row in StoredStatistics(journal).figures(core_id=CORE)}
    run, _ = project("exec_1", enumerate(events))
    assert hints_text(slow_hints(run, figures, (run.last_event_at or 0) + SECOND, has_gap=False)) == ""


@pytest.mark.parametrize("text", ["is:waiting", "status:failed", "slow", "core:slow"])
def test_other_queries_do_not_ask_for_slow_runs(text: str) -> None:
    assert not asks_for(parse_query(text, RUNS), RUNS, "is", "slow")
