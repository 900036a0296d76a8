"""Summaries: their values, how they are stored and rebuilt, and that they match the runs reduced from all events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.runs import ChangeOrder, Positions, RunIndex, RunStatus, Summary, with_status
from scaicore_tui.runs.model import json_digest
from scaicore_tui.runs.summary import SUMMARY_VERSION, decode_summary, encode_summary
from scaicore_tui.session import RunSource
from scaicore_tui.store import Journal, JournalWriter, StoredRuns
from scaicore_tui.store.summaries import Summaries
from tests.support import stored
from tests.support.builders import NOON, completed, event, many_runs, run_events
from tests.support.journals import Journals
from tests.support.memory_index import MemoryIndex
from tests.support.old_journal import old_journal
from tests.support.strategies import EVENTS_OF_TWO_RUNS

RUN_IDS = ("exec_1", "exec_2")


def stored_summaries(writer: JournalWriter, journal: Journal, limit: int = 100) -> list[Summary]:
    """Return all summaries of a journal, read as at start-up."""
    while writer.rebuild_missing() is not None:
        pass
    return [with_status(row, ()) for row in Summaries(journal).all_newest_first(limit)]


def documents(index: RunIndex, source: RunSource) -> list[object]:
    """Return the documents of all runs of `source`, as `index` has them, in order."""
    return [run_document(index.runs[row.execution_id]) for row in stored.summaries(source)]


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_dropped_runs_are_rebuilt_equal(steps: list[Event], first: int, second: int) -> None:
    """For any part of the events arriving as history, with no run kept in memory."""
    head, middle, tail = steps[:first], steps[first : first + second], steps[first + second :]
    whole, parts = MemoryIndex(), MemoryIndex(max_runs=0)
    whole.add_newer(steps)
    for batch in (middle, tail):
        parts.add_newer(batch)
        documents(parts, parts)
    parts.add_older(head)
    assert documents(whole, whole) == documents(parts, parts)
    assert +whole.counts == +parts.counts


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30))
def test_a_summary_has_the_values_of_its_run(steps: list[Event]) -> None:
    index = MemoryIndex()
    index.add_newer(steps)
    for summary in index.summaries():
        run = index.runs[summary.execution_id]
        names = ("core_id", "status", "outcome", "began_at", "duration_ms", "joined_late", "event_count", "error")
        assert [getattr(summary, name) for name in names] == [getattr(run, name) for name in names]
        assert list(summary.node_states) == list(run.node_states)
        assert decode_summary(encode_summary(summary)) == summary


def test_unusual_values_survive_being_stored() -> None:
    summary = Summary("exec_\udcff", 3, error="half \ud800", reported_ms=10**30, node_ids=("a\udc00", None))
    assert decode_summary(encode_summary(summary)) == summary
    assert decode_summary(encode_summary(Summary("e", 0, reported_ms=math.inf))).reported_ms in (None, math.inf)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)


@given(VALUES, VALUES)
def test_equal_values_have_equal_digests(one: object, other: object) -> None:
    assert one != other or json_digest(one) == json_digest(other)


def test_digests_differ_for_different_values() -> None:
    assert json_digest({"a": [1, True, 2.0], "b": None}) == json_digest({"b": None, "a": [1.0, 1, 2]})
    assert json_digest({"a": 1}) != json_digest({"a": 2})
    deep: object = 0
    for _ in range(5_000):
        deep = [deep]
    assert json_digest(deep) == json_digest(deep)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_positions_stay_sorted(steps: Iterable[tuple[int, bool]]) -> None:
    positions, reference = Positions(), set[int]()
    for position, is_added in steps:
        is_new = position not in reference
        if is_added:
            reference.add(position)
            assert positions.add(position) is is_new
        else:
            reference.discard(position)
            assert positions.discard(position) is not is_new
    expected = sorted(reference)
    assert list(positions) == expected
    assert [positions.index(position) for position in range(10)] == [
        expected.index(position) if position in expected else None for position in range(10)
    ]
    assert [positions.count_above(position) for position in range(10)] == [
        sum(other > position for other in expected) for position in range(10)
    ]


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 3)))
def test_merged_positions_are_sorted(part_of: dict[int, int]) -> None:
    parts = [Positions(position for position, part in part_of.items() if part == number) for number in range(4)]
    assert list(Positions.merged(parts)) == sorted(part_of)


@given(st.dictionaries(st.integers(0, 20), st.sampled_from(list(RunStatus))), st.sets(st.integers(0, 20)))
def test_loaded_positions_do_not_replace_known_ones(known: dict[int, RunStatus], stored_ones: set[int]) -> None:
    """A run may have ended while the positions were read from the journal."""
    index = RunIndex(lambda _: [])
    for position, status in known.items():
        index.by_status[status].add(position)
        index.order.add(position)
        index.changes.put(position, 2)
    loaded = {status: Positions(stored_ones if status is RunStatus.RUNNING else ()) for status in RunStatus}
    index.load(loaded, ChangeOrder((position, 1) for position in stored_ones))
    expected = dict.fromkeys(stored_ones, RunStatus.RUNNING) | known
    assert {position: status for status in RunStatus for position in index.by_status[status]} == expected
    assert list(index.order) == sorted(expected)
    assert {position: index.changes.time_of(position) for position in expected} == {
        position: 2 if position in known else 1 for position in expected
    }


def test_summaries_are_stored_with_their_events(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert stored_summaries(writer, journal) == []
        assert journal.query("SELECT version, folded FROM folding") == [(SUMMARY_VERSION, SUMMARY_VERSION)]
        steps = many_runs(30)
        writer.append_new(steps[40:])
        writer.prepend_history(steps[:40])
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        found = stored_summaries(writer, journal, 7)
        assert [row.execution_id for row in found] == [f"exec_{n:04}" for n in range(29, -1, -1)]
        assert {row.outcome for row in found} == {RunStatus.COMPLETED}
        assert not any(row.joined_late for row in found)


def test_summaries_of_an_older_journal_are_built_once(tmp_path: Path) -> None:
    path = tmp_path / "j"
    old_journal(path, many_runs(250))
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        first = writer.rebuild_missing()
        assert first is not None
        assert (next(iter(first.upserted)), len(first.upserted)) == ("exec_0249", 100)
    # The process ends here. The next one rebuilds the missing summaries, also of runs that got new events.
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([event("custom.note", NOON, "exec_0001")])
        found = stored_summaries(writer, journal)
        assert sorted({row.execution_id for row in found}) == [f"exec_{n:04}" for n in range(250)]
        assert next(row for row in found if row.execution_id == "exec_0001").event_count == 5
        assert journal.query("SELECT version, folded FROM folding") == [(SUMMARY_VERSION, SUMMARY_VERSION)]
        assert journal.query("SELECT count(*) FROM runs") == [(250,)]


def test_rebuilding_summaries_yields_to_a_key_press(tmp_path: Path) -> None:
    old_journal(tmp_path / "j", many_runs(3))
    with Journal.open(tmp_path / "j") as journal, ThreadPoolExecutor(1) as thread:
        writer = JournalWriter(journal, max_yield_s=60.0)
        writer.prepare()
        writer.yield_to_ui(to_key=True)
        rebuilding = thread.submit(writer.rebuild_missing)
        with pytest.raises(TimeoutError):
            rebuilding.result(0.05)
        # Readers of the journal do not wait meanwhile.
        assert len(journal) == 12
        writer.yield_to_ui(to_key=False)
        rebuilt = rebuilding.result()
        assert rebuilt is not None
        assert len(rebuilt.upserted) == 3


def test_rebuilding_summaries_yields_for_a_limited_time(tmp_path: Path) -> None:
    old_journal(tmp_path / "j", many_runs(3))
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal, max_yield_s=0.001)
        writer.prepare()
        writer.yield_to_ui(to_key=True)
        rebuilt = writer.rebuild_missing()
        assert rebuilt is not None
        assert len(rebuilt.upserted) == 3


def test_summaries_of_another_version_are_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        stored_summaries(writer, journal)
        writer.append_new(many_runs(3))
        with journal.transaction() as database:
            database.execute("UPDATE folding SET version = 0, folded = 0")
            database.execute("UPDATE runs SET summary = 'of another version'")
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert len(stored_summaries(writer, journal)) == 3


@pytest.fixture
def full_journal(tmp_path: Path) -> Journal:
    """Return a journal that cannot grow, as on a full disk."""
    journal = Journal.open(tmp_path / "j")
    writer = JournalWriter(journal)
    writer.prepare()
    writer.append_new(many_runs(20))
    journal.query("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.query(f"PRAGMA max_page_count = {journal.query('PRAGMA page_count')[0][0]}")
    return journal


def test_on_a_full_disk_new_events_are_kept_in_memory_and_the_error_is_reported(
    full_journal: Journal, tmp_path: Path
) -> None:
    writer = JournalWriter(full_journal)
    new_events = [step for n in range(200) for step in run_events(f"exec_new{n:04}", NOON + n)]
    delta = writer.append_new(new_events, gap_found_at=NOON)
    assert len(delta.upserted) == 200
    assert "full" in full_journal.write_error
    assert (len(full_journal.reader), full_journal.gap_count()) == (880, 1)
    assert full_journal.contains_all(new_events)
    assert [step.raw for step in full_journal.events("exec_new0007")] == [step.raw for step in new_events[28:32]]
    with Journal.open_readonly(tmp_path / "j") as reader:
        assert len(reader) == 80
    full_journal.query("PRAGMA max_page_count = 100000")
    for n in range(8):
        writer.append_new([completed(NOON + n, "exec_more")])
    assert (full_journal.write_error, full_journal.is_buffering) == ("", False)
    full_journal.close()
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert (len(journal), journal.gap_count(), len(stored_summaries(writer, journal))) == (888, 1, 221)


def test_on_a_full_disk_history_is_kept_in_memory_too(full_journal: Journal) -> None:
    writer = JournalWriter(full_journal)
    delta = writer.prepend_history(
        [step for n in range(300) for step in run_events(f"exec_old{n:04}", NOON - 9_000_000 + n)]
    )
    assert (len(delta.upserted), bool(full_journal.write_error)) == (300, True)
    assert delta.upserted["exec_old0000"].position == -1_200
    full_journal.close()


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=24), st.integers(0, 24), st.integers(0, 24))
def test_events_that_fill_a_gap_are_applied_in_order(
    journals: Journals, steps: list[Event], first: int, second: int
) -> None:
    """The newest events arrive first, then those of the gap in batches. The runs and their order stay the same."""
    whole = MemoryIndex()
    whole.add_newer(steps)
    with journals.scratch() as journal:
        writer, index = JournalWriter(journal), RunIndex(journal.history)
        for execution_id in RUN_IDS:
            index.follow(execution_id)
        writer.prepare()
        index.apply(writer.append_new(steps[:first]))
        below, above = steps[first : first + second], steps[first + second :]
        delta, gap = writer.append_above_gap(above, NOON, "c")
        index.apply(delta)
        source = StoredRuns(journal, lambda: None, lambda: ())
        documents(index, source)
        for batch in (below[len(below) // 2 :], below[: len(below) // 2]):
            index.apply(writer.fill_gap(gap, batch, None))
        writer.close_gap(gap, is_filled=True)
        assert documents(index, source) == documents(whole, whole)
        assert list(index.order) == [row.position for row in stored.summaries(source)]
        assert (+index.counts, index.event_count) == (+whole.counts, whole.event_count)
        assert sum(map(index.arrivals, RUN_IDS)) == sum(row.event_count for row in whole.summaries())
        reopened = JournalWriter(journal)
        reopened.prepare()
        assert [run_document(run) for run in stored.runs(source)] == documents(whole, whole)
        assert stored_summaries(reopened, journal)[::-1] == stored.summaries(source)
