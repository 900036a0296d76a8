"""The columns of the table of runs: searched as the filter matches, paged through, added to files without them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.error_groups import error_group_key, masked
from scaicore_tui.analysis.query import RUNS, QueryContext, parse_query
from scaicore_tui.analysis.query.tree import quoted
from scaicore_tui.runs import RunStatus, Summary, run_search_text, with_status
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.database import _MIGRATIONS
from scaicore_tui.store.run_search import RunSearch
from scaicore_tui.store.summaries import Summaries
from tests.support.builders import NOON, SECOND, entered, event, many_runs, read_row, started
from tests.support.journals import Journals
from tests.support.old_journal import UNDO_STATISTICS

COLUMNS = """
SELECT status, core_id, started_at, ended_at, changed_at, duration_ms, failed_node, error_group, event_count FROM runs
"""
ALL_COLUMNS = """
SELECT place, execution_id, summary, status, core_id, started_at, ended_at, changed_at, duration_ms, failed_node,
error_group, input_digest, event_count, search_text FROM runs ORDER BY place
"""
texts = st.text(st.characters(codec=None), max_size=6)
summaries = st.builds(
    Summary,
    st.just("exec_1"),
    st.just(1),
    core_id=st.none() | texts,
    outcome=st.sampled_from([None, RunStatus.COMPLETED, RunStatus.FAILED]),
    is_runtime=st.booleans(),
    error=st.none() | texts,
    instance_key=st.none() | texts,
    node_ids=st.lists(st.none() | texts, max_size=3).map(tuple),
)


@given(summaries, st.booleans(), st.data())
def test_a_search_in_sql_finds_what_the_filter_matches(
    journals: Journals, summary: Summary, is_waiting: bool, data: st.DataObject
) -> None:
    waiting = ["exec_1"] if is_waiting else []
    with_status(summary, waiting)
    pieces = st.sampled_from([*run_search_text(summary).split(), "wait", "fail", "run", "ing", "İ", "ß", "%", "_", "x"])
    words = data.draw(st.lists(st.tuples(st.sampled_from(["", "!"]), pieces | texts), max_size=3))
    query = parse_query(" ".join(mark + quoted(word, is_word=True) for mark, word in words), RUNS)
    pending = [read_row(execution_id=key) for key in waiting]
    with journals.scratch() as journal:
        Summaries(journal).put([summary])
        found = list(RunSearch(journal, query, QueryContext(0, pending)).summaries())
    readable = run_search_text(summary).encode("utf-8", "replace").decode()
    expected = (
        (word.lower().encode("utf-8", "replace").decode() in readable) is not bool(mark) for mark, word in words
    )
    assert bool(found) is all(expected)


def test_runs_are_paged_through_by_status(journals: Journals) -> None:
    with journals.scratch() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([*many_runs(7), started(NOON + SECOND, "exec_open")])
        assert [row.execution_id for row in Summaries(journal).at([0, 4, 28, 99])] == [
            "exec_0000",
            "exec_0001",
            "exec_open",
        ]
        positions = writer.stored_positions()
        assert list(positions[RunStatus.COMPLETED]) == [4 * number for number in range(7)]
        assert (list(positions[RunStatus.RUNNING]), list(positions[RunStatus.FAILED])) == ([28], [])


def test_the_columns_have_the_values_of_the_run(journals: Journals) -> None:
    with journals.scratch() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(
            [
                started(NOON),
                entered("each", NOON + SECOND),
                entered("pay", NOON + 2 * SECOND),
                event("block.failed", NOON + 3 * SECOND, node_id="pay", error="BANK_DOWN: no answer in 30 s"),
                event("block.failed", NOON + 4 * SECOND, node_id="each", error="BANK_DOWN: no answer in 30 s"),
                event("invocation.failed", NOON + 5 * SECOND, error="BANK_DOWN: no answer in 30 s"),
            ]
        )
        (found,) = journal.query(COLUMNS)
        assert [value.decode() if isinstance(value, bytes) else value for value in found] == [
            "failed",
            "core_a",
            NOON,
            NOON + 5 * SECOND,
            NOON + 5 * SECOND,
            5_000.0,
            "pay",
            "core_a\npay\nBANK_DOWN: no answer in # s",
            6,
        ]


@pytest.mark.parametrize(
    ("error", "group"),
    [
        ("timeout after 30 s", "timeout after # s"),
        ("run exec_8f21c4 not found in /srv/data/7.json", "run # not found in /…"),
        ("vendor ‘Unknown Trading Ltd’ has no account", "vendor “…” has no account"),
        ('no field "total"', "no field “…”"),
        ("can't be read", "can't be read"),
        ("E42", "#"),
        ("", ""),
    ],
)
def test_an_error_is_grouped_without_its_numbers_ids_paths_and_quotes(error: str, group: str) -> None:
    assert masked(error) == group


def test_a_run_without_an_error_is_in_no_error_group() -> None:
    assert error_group_key(Summary("exec_1", 1)) is None


def journal_without_columns(path: Path, source: bytes | None = None) -> list[tuple[object, ...]]:
    """Write a journal of the version without columns, with the summaries of 30 runs, or `source` in place of each.

    Returns the rows with the columns of this version.
    """
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        writer.append_new(many_runs(30))
        expected = journal.query(ALL_COLUMNS)
    (create,) = [step for step in _MIGRATIONS[2].split(";") if "CREATE TABLE runs" in step]
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript(f"ALTER TABLE runs RENAME TO new; {create};")
    database.execute("INSERT INTO runs SELECT place, execution_id, coalesce(?, summary) FROM new", (source,))
    database.executescript(f"DROP TABLE new; {UNDO_STATISTICS} PRAGMA user_version = {len(_MIGRATIONS) - 2}")
    database.close()
    return expected


def test_columns_are_added_to_a_journal_without_them(tmp_path: Path) -> None:
    """Without reading any event again, and without a change of the summaries."""
    expected = journal_without_columns(tmp_path / "j")
    with Journal.open(tmp_path / "j") as journal:
        assert journal.query(ALL_COLUMNS) == expected
        assert journal.is_complete


def test_a_summary_that_cannot_be_read_is_built_again(tmp_path: Path) -> None:
    expected = journal_without_columns(tmp_path / "j", b"damaged")
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert (journal.query(ALL_COLUMNS), journal.is_complete) == ([], False)
        while writer.rebuild_missing() is not None:
            pass
        assert (journal.query(ALL_COLUMNS), journal.is_complete) == (expected, True)


def test_runs_are_stored_in_the_order_of_their_last_changes(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([started(NOON, "exec_a"), started(NOON + 2 * SECOND, "exec_b"), entered("n", NOON, "exec_c")])
        writer.append_new([entered("n", NOON + 3 * SECOND, "exec_a")])
        stored = writer.stored_changes()
        names = {summary.position: summary.execution_id for summary in Summaries(journal).newest(9)}
    assert [names[position] for position in stored] == ["exec_c", "exec_b", "exec_a"]
    assert [stored.index(position) for position in stored] == [0, 1, 2]
    assert stored.time_of(stored[2]) == NOON + 3 * SECOND
