"""Summaries: what they tell, how they are stored, and that they never differ from a fold of all events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.journal import Intake, Journal
from scaicore_tui.runs import Ordered, RunBook, RunStatus, Summary, run_document
from scaicore_tui.runs.digest import digest
from scaicore_tui.runs.summary import VERSION, decode, encode
from scaicore_tui.wire import Event
from tests.support.builders import NOON, completed, event, many_runs, run_events
from tests.support.memory_index import MemoryBook
from tests.support.old_journal import old_journal
from tests.support.strategies import EVENTS_OF_TWO_RUNS


def stored(intake: Intake, limit: int = 100) -> list[Summary]:
    """All summaries that a journal holds, as a start reads them."""
    found: list[Summary] = []
    while some := intake.stored(limit):
        found += some
    return found


def documents(book: RunBook) -> list[object]:
    return [run_document(run) for run in book.runs.values()]


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_runs_that_were_let_go_are_what_they_would_have_been(steps: list[Event], first: int, second: int) -> None:
    """However few runs are held between batches; whatever of it comes as history."""
    head, middle, tail = steps[:first], steps[first : first + second], steps[first + second :]
    whole, parts = MemoryBook(), MemoryBook(room=0)
    whole.apply(steps)
    for batch in (middle, tail):
        parts.apply(batch)
        documents(parts)
    parts.prepend(head)
    assert documents(whole) == documents(parts)
    assert +whole.counts == +parts.counts


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=30))
def test_a_summary_says_what_its_run_says(steps: list[Event]) -> None:
    book = MemoryBook()
    book.apply(steps)
    for summary in book.order:
        run = book.runs[summary.execution_id]
        names = ("core_id", "status", "outcome", "began_at", "duration_ms", "joined_late", "event_count", "error")
        assert [getattr(summary, name) for name in names] == [getattr(run, name) for name in names]
        assert list(summary.states) == list(run.states)
        assert decode(encode(summary)) == summary


def test_odd_values_are_stored() -> None:
    odd = Summary("exec_\udcff", 3, error="half \ud800", reported_ms=10**30, node_ids=("a\udc00", None))
    assert decode(encode(odd)) == odd
    assert decode(encode(Summary("e", 0, reported_ms=math.inf))).reported_ms in (None, math.inf)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
)


@given(VALUES, VALUES)
def test_equal_values_have_equal_digests(one: object, other: object) -> None:
    assert one != other or digest(one) == digest(other)


def test_digests_tell_apart_and_know_numbers() -> None:
    assert digest({"a": [1, True, 2.0], "b": None}) == digest({"b": None, "a": [1.0, 1, 2]})
    assert digest({"a": 1}) != digest({"a": 2})
    deep: object = 0
    for _ in range(5_000):
        deep = [deep]
    assert digest(deep) == digest(deep)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_ordered_is_a_sorted_list(steps: Iterable[tuple[int, bool]]) -> None:
    rows, reference = Ordered(), dict[int, Summary]()
    for place, is_put in steps:
        if is_put:
            reference[place] = Summary(f"exec_{place}", place)
            rows.put(reference[place])
        else:
            reference.pop(place, None)
            rows.drop(place)
    places = sorted(reference)
    assert [row.place for row in rows] == places
    assert [rows.index(place) for place in range(10)] == [
        places.index(place) if place in places else None for place in range(10)
    ]


@given(st.sets(st.integers(0, 40)).flatmap(lambda places: st.tuples(st.just(places), st.permutations(sorted(places)))))
def test_many_rows_find_their_places(drawn: tuple[set[int], list[int]]) -> None:
    places, shuffled = drawn
    half = len(shuffled) // 2
    rows = Ordered(Summary(f"exec_{place}", place) for place in shuffled[:half])
    rows.extend(Summary(f"exec_{place}", place) for place in shuffled[half:])
    assert [row.place for row in rows] == sorted(places)


def test_summaries_are_stored_with_their_events(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        intake = Intake(journal)
        intake.begin()
        assert stored(intake) == []
        assert journal.rows("SELECT version, folded FROM folding") == [(VERSION, VERSION)]
        steps = many_runs(30)
        intake.news(steps[40:])
        intake.history(steps[:40])
    with Journal.open(tmp_path / "j") as journal:
        intake = Intake(journal)
        intake.begin()
        found = stored(intake, 7)
        assert [row.execution_id for row in found] == [f"exec_{n:04}" for n in range(29, -1, -1)]
        assert {row.outcome for row in found} == {RunStatus.COMPLETED}
        assert not any(row.joined_late for row in found)


def test_an_older_file_gets_its_summaries_once(tmp_path: Path) -> None:
    path = tmp_path / "j"
    old_journal(path, many_runs(250))
    with Journal.open(path) as journal:
        intake = Intake(journal)
        intake.begin()
        first = intake.stored(500)
        assert (first[0].execution_id, len(first)) == ("exec_0249", 100)
    # Killed here: what is missing is made by the next one, also where news came for it meanwhile.
    with Journal.open(path) as journal:
        intake = Intake(journal)
        intake.begin()
        intake.news([event("custom.note", NOON, "exec_0001")])
        found = stored(intake)
        assert sorted({row.execution_id for row in found}) == [f"exec_{n:04}" for n in range(250)]
        assert next(row for row in found if row.execution_id == "exec_0001").event_count == 5
        assert journal.rows("SELECT version, folded FROM folding") == [(VERSION, VERSION)]
        assert journal.rows("SELECT count(*) FROM runs") == [(250,)]


def test_what_nobody_waits_for_gives_way_to_a_key(tmp_path: Path) -> None:
    old_journal(tmp_path / "j", many_runs(3))
    with Journal.open(tmp_path / "j") as journal, ThreadPoolExecutor(1) as thread:
        intake = Intake(journal, max_yield_s=60.0)
        intake.begin()
        intake.give_way(to_key=True)
        folding = thread.submit(intake.stored, 500)
        with pytest.raises(TimeoutError):
            folding.result(0.05)
        # Nobody who looks into the journal meanwhile is kept waiting.
        assert len(journal) == 12
        intake.give_way(to_key=False)
        assert len(folding.result()) == 3


def test_a_key_that_never_ends_holds_nothing_up(tmp_path: Path) -> None:
    old_journal(tmp_path / "j", many_runs(3))
    with Journal.open(tmp_path / "j") as journal:
        intake = Intake(journal, max_yield_s=0.001)
        intake.begin()
        intake.give_way(to_key=True)
        assert len(intake.stored(500)) == 3


def test_summaries_of_another_fold_are_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        intake = Intake(journal)
        intake.begin()
        stored(intake)
        intake.news(many_runs(3))
        with journal.writing() as database:
            database.execute("UPDATE folding SET version = 0, folded = 0")
            database.execute("UPDATE runs SET summary = 'of another kind'")
    with Journal.open(path) as journal:
        intake = Intake(journal)
        intake.begin()
        assert len(stored(intake)) == 3


@pytest.fixture
def full(tmp_path: Path) -> Journal:
    """A journal on a disk that takes nothing more."""
    journal = Journal.open(tmp_path / "j")
    intake = Intake(journal)
    intake.begin()
    intake.news(many_runs(20))
    journal.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.rows(f"PRAGMA max_page_count = {journal.rows('PRAGMA page_count')[0][0]}")
    return journal


def test_a_full_disk_keeps_events_in_memory_and_says_so(full: Journal, tmp_path: Path) -> None:
    intake = Intake(full)
    news = [step for n in range(200) for step in run_events(f"exec_new{n:04}", NOON + n)]
    change = intake.news(news, gap_found_at=NOON)
    assert len(change.summaries) == 200
    assert "full" in full.trouble
    assert (len(full.reader), full.gap_count()) == (880, 1)
    assert full.holds(news)
    assert [step.raw for step in full.events("exec_new0007")] == [step.raw for step in news[28:32]]
    with Journal.read(tmp_path / "j") as reader:
        assert len(reader) == 80
    full.rows("PRAGMA max_page_count = 100000")
    for n in range(8):
        intake.news([completed(NOON + n, "exec_more")])
    assert (full.trouble, full.is_spilling) == ("", False)
    full.close()
    with Journal.open(tmp_path / "j") as journal:
        intake = Intake(journal)
        intake.begin()
        assert (len(journal), journal.gap_count(), len(stored(intake))) == (888, 1, 221)


def test_a_full_disk_takes_history_into_memory_too(full: Journal) -> None:
    intake = Intake(full)
    change = intake.history([step for n in range(300) for step in run_events(f"exec_old{n:04}", NOON - 9_000_000 + n)])
    assert (len(change.summaries), bool(full.trouble)) == (300, True)
    assert change.summaries["exec_old0000"].place == -1_200
    full.close()


@given(st.lists(EVENTS_OF_TWO_RUNS, max_size=24), st.integers(0, 24), st.integers(0, 24))
def test_what_fills_a_hole_is_folded_in_its_place(steps: list[Event], first: int, second: int) -> None:
    """The newest first, then what lies below, a piece at a time: the same runs, in the same order."""
    whole = MemoryBook()
    whole.apply(steps)
    with Journal.temporary() as journal:
        intake, book = Intake(journal), RunBook(journal.history)
        intake.begin()
        book.take(intake.news(steps[:first]))
        below, above = steps[first : first + second], steps[first + second :]
        change, hole = intake.above_hole(above, NOON, "c")
        book.take(change)
        documents(book)
        for piece in (below[len(below) // 2 :], below[: len(below) // 2]):
            book.take(intake.fill(hole, piece, None))
        intake.close_hole(hole, is_filled=True)
        assert documents(book) == documents(whole)
        assert (+book.counts, book.event_count) == (+whole.counts, whole.event_count)
        assert book.arrivals.total() == sum(row.event_count for row in whole.order)
        again, fresh = Intake(journal), RunBook(journal.history)
        again.begin()
        fresh.load(stored(again))
        assert documents(fresh) == documents(whole)
