"""The journal: verbatim, in feed order, one writer, for its owner only."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from scaicore_tui.errors import ConfigError, Conflict, NotFound
from scaicore_tui.journal import Journal
from scaicore_tui.wire import read_stored
from tests.builders import NOON, entered, event, started


def test_events_come_back_byte_for_byte(tmp_path: Path) -> None:
    odd = read_stored(b'{ "type":"x\\u00e9\xff",\n"payload": {"execution_id": "e"} , "b":1e400}')
    with Journal.open(tmp_path / "j") as journal:
        journal.append([odd])
    with Journal.open(tmp_path / "j") as journal:
        assert [stored.raw for stored in journal.events()] == [odd.raw]
        assert [stored.raw for stored in journal.events("e")] == [odd.raw]
        assert len(journal) == 1


def test_feed_order_with_history() -> None:
    with Journal.temporary() as journal:
        journal.append([entered("c"), entered("d")])
        journal.prepend([entered("a"), entered("b")])
        journal.append([entered("e")])
        assert "".join(step.node_id or "" for step in journal.events()) == "abcde"
        assert [read_stored(raw).node_id for raw in journal.newest(2)] == ["e", "d"]


def test_known_counts_equal_bytes() -> None:
    twin, other = entered("a"), started()
    with Journal.temporary() as journal:
        journal.append([twin, twin])
        assert journal.known([twin, other]) == {twin.raw: 2}
        assert not journal.holds([twin, other])
        assert journal.known([]) == {}


def test_events_without_a_time_are_known_too() -> None:
    timeless = read_stored(b'{"type": "x"}')
    with Journal.temporary() as journal:
        journal.append([timeless, entered("a")])
        assert journal.holds([timeless, entered("a")])


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j"
    with Journal.open(path) as journal:
        journal.append([started()])
        modes = {item.name: item.stat().st_mode & 0o777 for item in path.parent.iterdir()}
        assert set(modes.values()) == {0o600}
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_one_writer_many_readers(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as writer:
        writer.append([started()])
        with pytest.raises(Conflict, match="another scaicore-tui"):
            Journal.open(path)
        with Journal.read(path) as reader:
            assert len(list(reader.events())) == 1
    with Journal.open(path):
        pass


def test_a_reader_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Journal.read(tmp_path / "none")


def test_what_is_no_journal_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 99)
    for way in (Journal.open, Journal.read):
        with pytest.raises(ConfigError, match="no journal"):
            way(path)
    assert path.read_text() == "dear diary, " * 99


def test_a_newer_program_s_journal_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal.open(path) as journal:
        journal.append([event("custom.x", NOON)])
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ConfigError, match="newer"):
        Journal.open(path)


def test_gaps_are_kept_once_per_place(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.append([started()])
        journal.mark_gap(NOON)
        journal.mark_gap(NOON + 1)
        assert journal.gap_count() == 1
