"""The statistics of nodes in the journal: each event counted exactly once, whatever comes between."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.analysis.statistics.tally import Counts
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.statistics import StoredStatistics
from tests.support.builders import MILLISECOND, NOON, SECOND, entered, event, exited, many_runs, started
from tests.support.feed_model import IN_MEMORY
from tests.support.journals import Journals, Place
from tests.support.old_journal import UNDO_STATISTICS, old_journal
from tests.support.visit_truth import Truth, visit_truth

KINDS = ["block.entered", "block.exited", "block.failed"]
EVENTS = st.builds(
    event,
    st.sampled_from(["invocation.started", "invocation.completed", *KINDS, *KINDS]),
    # Around midnight, UTC.
    st.integers(0, 40).map(lambda number: NOON + 43_190 * SECOND + number * 500 * MILLISECOND),
    execution=st.sampled_from(["exec_1", "exec_2", "exec_3"]),
    node_id=st.sampled_from(["a", "b", None]),
    block_kind=st.sampled_from(["rigid", "model_call"]),
) | st.builds(
    event,
    st.sampled_from(KINDS),
    st.integers(0, 40).map(lambda number: NOON + number * 700 * MILLISECOND),
    execution=st.sampled_from(["exec_1", "exec_2"]),
    node_id=st.just("ask"),
    block_kind=st.just("checkpoint"),
)
PAGES = st.lists(st.lists(EVENTS, min_size=1, max_size=8), max_size=8)
STEPS = st.lists(
    st.sampled_from(["append", "prepend", "above gap", "fill", "rebuild", "forget", "restart", "merge", "outage"]),
    max_size=14,
)


def counts(journal: Journal) -> Counts:
    return StoredStatistics(journal).counts()


def assert_true(found: Counts, truth: dict[tuple[str, str, str, int], Truth]) -> None:
    """Compare counts with the truth: exactly, and quantiles within 1 %."""
    assert found.keys() == truth.keys()
    for key, node in found.items():
        expected = truth[key]
        assert (node.visits, node.failed) == (expected.visits, expected.failed), key
        for histogram, durations in ((node.durations, expected.durations), (node.waits, expected.waits)):
            assert histogram.count == len(durations)
            for share in (0.5, 0.95, 0.99):
                exact = exact_quantile(durations, share)
                quantile = histogram.quantile(share)
                assert quantile == exact is None or quantile == pytest.approx(exact, rel=0.01)


class Recorder:
    """Writes pages of events into a journal, in all the ways that a session does."""

    def __init__(self, journals: Journals, place: Place) -> None:
        self.journals = journals
        self.place = place
        self.journal = place.open()
        self.start()

    def start(self) -> None:
        self.writer = JournalWriter(self.journal)
        self.writer.prepare()

    def restart(self) -> None:
        self.writer.flush()
        self.journal.close()
        self.journal = self.place.open()
        self.start()

    def apply(self, step: str, page: Sequence[Event]) -> None:
        """Apply one step; `page` is used by those that bring events."""
        gaps = self.journal.open_gaps()
        if step == "prepend":
            self.writer.prepend_history(page)
        elif step == "above gap":
            self.writer.append_above_gap(page, NOON, "cursor")
        elif step == "fill" and gaps:
            self.writer.fill_gap(gaps[0], page, "cursor")
        elif step == "rebuild":
            self.writer.rebuild_missing()
        elif step == "forget":
            self.forget_summaries()
        elif step == "restart":
            self.restart()
        elif step == "outage":
            self.outage(page)
        elif step == "merge":
            with patch("scaicore_tui.store.writer.MAX_PARTS", 1):
                self.writer.append_new(page)
        else:
            self.writer.append_new(page)

    def forget_summaries(self) -> None:
        """Do as a newer version of the program does: all summaries and counts are made again."""
        with self.journal.transaction() as database:
            database.execute("UPDATE folding SET version = 0")
        self.restart()

    def outage(self, page: Sequence[Event]) -> None:
        """Write a page while the disk is full, or the connection to the server is lost."""
        if not self.journal.dialect.can_buffer:
            self.journals.lose_connection(self.journal)
            with pytest.raises(StorageError, match="the connection"):
                self.writer.append_new(page)
            self.writer.append_new(page)
            return
        with self.journal.transaction() as database:
            database.execute("CREATE TRIGGER main.full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
        try:
            with patch("scaicore_tui.store.database.is_storage_failure", return_value=True):
                self.writer.append_new(page)
        finally:
            with self.journal.transaction() as database:
                database.execute("DROP TRIGGER main.full")


def test_statistics_equal_those_computed_from_all_events(journals: Journals) -> None:
    # A restart takes longer on a server.
    @settings(max_examples=60 if journals.kind == "sqlite" else 15, deadline=None)
    @given(PAGES, STEPS)
    def counts_are_true(pages: list[list[Event]], steps: list[str]) -> None:
        with TemporaryDirectory(dir=IN_MEMORY) as folder:
            recorder = Recorder(journals, journals.emptied_place(Path(folder)))
            for number, step in enumerate(steps):
                recorder.apply(step, pages[number % len(pages)] if pages else [])
            while recorder.writer.rebuild_missing() is not None:
                pass
            assert_true(counts(recorder.journal), visit_truth(recorder.journal.events()))
            recorder.restart()
            assert_true(counts(recorder.journal), visit_truth(recorder.journal.events()))
            recorder.journal.close()

    counts_are_true()


@pytest.mark.parametrize("is_first_version", [True, False])
def test_the_runs_of_an_older_journal_are_counted_once(tmp_path: Path, is_first_version: bool) -> None:
    path = tmp_path / "j"
    if is_first_version:
        old_journal(path, many_runs(150))
    else:
        with Journal.open(path) as journal:
            JournalWriter(journal).append_new(many_runs(150))
            with journal.transaction() as database:
                for statement in UNDO_STATISTICS.split(";"):
                    database.execute(statement)
                database.execute("ALTER TABLE runs DROP COLUMN is_counted")
            journal.query("PRAGMA user_version = 7")
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert counts(journal) == {}
        assert writer.rebuild_missing() is not None
        # Events of runs that are counted, and of one that is not yet.
        late = [entered("late", NOON, run) for run in ("exec_0149", "exec_0000")]
        writer.append_new([*late, *(exited("late", NOON + SECOND, run) for run in ("exec_0149", "exec_0000"))])
        while writer.rebuild_missing() is not None:
            pass
        assert_true(counts(journal), visit_truth(journal.events()))
        assert [node.visits for node in counts(journal).values()] == [150, 2]


def test_statistics_outlive_the_runs_that_retention_deletes(journals: Journals, tmp_path: Path) -> None:
    with journals.place(tmp_path).open() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(400))
        before = counts(journal)
        retention = writer.start_retention(NOON + 3_600 * SECOND, None)
        while writer.prune_batch(retention) is not None:
            pass
        assert len(journal) < 1_600
        assert counts(journal) == before
        with patch("scaicore_tui.store.writer.MAX_PARTS", 1):
            writer.append_new([started(NOON + 60 * SECOND, "exec_new")])
            writer.append_new(
                [entered("b", NOON + 61 * SECOND, "exec_new"), exited("b", NOON + 62 * SECOND, "exec_new")]
            )
        # Made again with all summaries: those of the deleted runs are kept.
        with journal.transaction() as database:
            database.execute("UPDATE folding SET version = 0")
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        after = counts(journal)
        assert {key: after[key] for key in before} == before
        assert len(after) == len(before) + 1


def test_a_container_that_waited_for_a_person_is_not_slow(journals: Journals) -> None:
    steps = [
        started(NOON),
        entered("each", NOON, kind="foreach"),
        entered("ask", NOON + SECOND, kind="checkpoint"),
        exited("ask", NOON + 600 * SECOND, kind="checkpoint"),
        exited("each", NOON + 601 * SECOND, kind="foreach"),
        entered("quick", NOON + 601 * SECOND, kind="foreach"),
        exited("quick", NOON + 602 * SECOND, kind="foreach"),
    ]
    with journals.scratch() as journal:
        JournalWriter(journal).append_new(steps)
        found = {key.node_id: (node.durations.count, node.waits.count) for key, node in counts(journal).items()}
    assert found == {"ask": (0, 1), "each": (0, 1), "quick": (1, 0)}
