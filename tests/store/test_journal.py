"""The journal stores events verbatim and in feed order, has one writer, and is readable only by its owner."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scaicore_tui.errors import Conflict, NotFound, StorageError
from scaicore_tui.protocol import decode_event
from scaicore_tui.store import Journal
from scaicore_tui.store.failures import ONLY_IN_MEMORY
from tests.support.builders import NOON, entered, event, started
from tests.support.journals import Journals
from tests.support.old_journal import UNDO_STATISTICS


def test_events_come_back_byte_for_byte(journals: Journals, tmp_path: Path) -> None:
    place = journals.place(tmp_path)
    unusual = decode_event(b'{ "type":"x\\u00e9\xff",\n"payload": {"execution_id": "e"} , "b":1e400}')
    with place.open() as journal:
        journal.append([unusual])
    with place.open() as journal:
        assert [stored.raw for stored in journal.events()] == [unusual.raw]
        assert [stored.raw for stored in journal.events("e")] == [unusual.raw]
        assert len(journal) == 1


def test_history_is_stored_before_newer_events(journals: Journals) -> None:
    with journals.scratch() as journal:
        journal.append([entered("c"), entered("d")])
        journal.prepend([entered("a"), entered("b")])
        journal.append([entered("e")])
        assert "".join(step.node_id or "" for step in journal.events()) == "abcde"
        assert [decode_event(raw).node_id for raw in journal.newest_raw(2)] == ["e", "d"]


def test_migration_stores_the_times_of_newly_understood_timestamps(tmp_path: Path) -> None:
    """The older version could not parse such timestamps. Equal events from the API must still be recognized."""
    old_format = decode_event(
        b'{"type": "custom.tick", "timestamp": "2026-04-29t12:00:01z", "payload": {"execution_id": "e"}}'
    )
    with Journal.open(tmp_path / "j") as journal:
        journal.append([old_format, entered("a")])
    with closing(sqlite3.connect(tmp_path / "j")) as database, database:
        database.execute("UPDATE events SET at = 0 WHERE pos = 0")
        database.execute("DELETE FROM holes")
        database.execute("DROP TABLE identity")
        database.execute("ALTER TABLE gaps DROP COLUMN reason")
        database.executescript(f"{UNDO_STATISTICS} PRAGMA user_version = 4")
    with Journal.open(tmp_path / "j") as journal:
        assert journal.count_known([old_format]) == {old_format.raw: 1}
        assert journal.query("SELECT at FROM events WHERE pos = 0") == [(old_format.at,)]


def test_count_known_counts_equal_bytes(journals: Journals) -> None:
    twin, other = entered("a"), started()
    with journals.scratch() as journal:
        journal.append([twin, twin])
        assert journal.count_known([twin, other]) == {twin.raw: 2}
        assert not journal.contains_all([twin, other])
        assert journal.count_known([]) == {}


def test_events_without_a_time_are_known_too(journals: Journals) -> None:
    timeless = decode_event(b'{"type": "x"}')
    with journals.scratch() as journal:
        journal.append([timeless, entered("a")])
        assert journal.contains_all([timeless, entered("a")])


def test_only_the_owner_can_read_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j"
    with Journal.open(path) as journal:
        journal.append([started()])
        modes = {item.name: item.stat().st_mode & 0o777 for item in path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_journal_has_one_writer_and_many_readers(journals: Journals, tmp_path: Path) -> None:
    place = journals.place(tmp_path)
    with place.open() as writer:
        writer.append([started()])
        with pytest.raises(Conflict, match="another scaicore-tui"):
            place.open()
        with place.open_readonly() as reader:
            assert len(list(reader.events())) == 1
    with place.open():
        pass


def test_reading_a_missing_journal_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Journal.open_readonly(tmp_path / "none")


def test_a_file_that_is_not_a_journal_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 99)
    for open_journal in (Journal.open, Journal.open_readonly):
        with pytest.raises(StorageError, match="not a journal"):
            open_journal(path)
    assert path.read_text() == "dear diary, " * 99


def test_a_journal_of_a_newer_version_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        journal.append([event("custom.x", NOON)])
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StorageError, match="newer"):
        Journal.open(path)


def test_one_gap_is_stored_per_position(journals: Journals, tmp_path: Path) -> None:
    place = journals.place(tmp_path)
    with place.open() as journal:
        journal.append([started()])
        journal.mark_gap(NOON)
        journal.mark_gap(NOON + 1)
        assert journal.gap_count() == 1


def node_ids(journal: Journal) -> str:
    """Return the node ids of all events, in order, as one string."""
    return "".join(step.node_id or "" for step in journal.events())


def test_an_open_gap_is_filled_from_its_newest_event_down(journals: Journals, tmp_path: Path) -> None:
    place = journals.place(tmp_path)
    with place.open() as journal:
        journal.append([entered("a"), entered("b")])
        open_gap = journal.append_above_gap([entered("h"), entered("i")], NOON, "c1")
        journal.append([entered("j")])
        journal.fill_gap(open_gap, [entered("f"), entered("g")], "c2")
    with place.open() as journal:
        (open_gap,) = journal.open_gaps()
        assert (open_gap.cursor, open_gap.found_at) == ("c2", NOON)
        assert [gap.is_open for gap in journal.gaps()] == [True]
        journal.fill_gap(open_gap, [entered("c"), entered("d"), entered("e")], None)
        journal.close_gap(open_gap, is_filled=True)
        assert node_ids(journal) == "abcdefghij"
        assert (journal.open_gaps(), journal.gaps(), journal.gap_count()) == ([], [], 0)


def test_two_open_gaps_are_filled_independently(journals: Journals) -> None:
    with journals.scratch() as journal:
        journal.append([entered("a")])
        older = journal.append_above_gap([entered("c")], NOON, None)
        newer = journal.append_above_gap([entered("e")], NOON, None)
        assert journal.open_gaps() == [newer, older]
        journal.fill_gap(newer, [entered("d")], None)
        journal.fill_gap(older, [entered("b")], None)
        assert node_ids(journal) == "abcde"


def test_an_open_gap_that_is_lost_becomes_a_closed_gap(journals: Journals) -> None:
    with journals.scratch() as journal:
        journal.append([started(NOON, "exec_1")])
        open_gap = journal.append_above_gap([started(NOON + 9, "exec_2")], NOON + 10, "c")
        journal.close_gap(open_gap, is_filled=False)
        (gap,) = journal.gaps()
        assert (gap.last_at, gap.next_at, gap.is_open) == (NOON, NOON + 9, False)
        assert (gap.last_execution, gap.next_execution) == ("exec_1", "exec_2")
        assert (journal.gap_count(), journal.open_gaps()) == (1, [])


def test_known_events_are_counted_up_to_a_position(journals: Journals) -> None:
    twin = entered("x")
    with journals.scratch() as journal:
        journal.append([twin])
        open_gap = journal.append_above_gap([twin, twin, entered("y")], NOON, None)
        assert journal.count_known([twin]) == {twin.raw: 3}
        assert journal.count_known([twin], open_gap.after) == {twin.raw: 1}
        assert journal.newest_raw(9, open_gap.after) == [twin.raw]
        assert not journal.contains_all([entered("y")], open_gap.after)


def test_positions_stay_reserved_for_an_open_gap_without_events_above(journals: Journals) -> None:
    with journals.scratch() as journal:
        journal.append([entered("a")])
        open_gap = journal.append_above_gap([], NOON, "c")
        journal.append([entered("d")])
        journal.fill_gap(open_gap, [entered("c")], "c")
        journal.fill_gap(open_gap, [entered("b")], "c")
        assert node_ids(journal) == "abcd"


def test_if_a_journal_cannot_be_created_events_are_kept_in_memory_and_the_error_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Journal.open_or_in_memory(tmp_path / "file" / "j") as journal:
        journal.append([started()])
        problem = f"can't write a journal to {tmp_path}/file/j: a part of the path is a file, not a folder"
        assert (len(journal), journal.write_error) == (1, f"{problem} · {ONLY_IN_MEMORY}")
    with Journal.open_or_in_memory(tmp_path / "j") as journal:
        assert journal.write_error == ""
