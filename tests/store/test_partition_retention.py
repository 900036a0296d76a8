"""Retention on a server deletes old partitions as a whole, and in them exactly what it deletes by row in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from scaicore_tui.analysis.statistics.tally import DAY_MICROS
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.postgres import partitions
from scaicore_tui.store.statistics import StoredStatistics
from tests.support.builders import MILLISECOND, NOON, completed, entered, event, exited, started
from tests.support.server_journals import ServerJournals, ServerPlace, server_connection

SIZE = 500
STEP = 60 * 1_000 * MILLISECOND


@pytest.fixture
def place(server_journals: ServerJournals, tmp_path: Path) -> Iterator[ServerPlace]:
    with patch.object(partitions, "PARTITION_POSITIONS", SIZE):
        yield server_journals.place(tmp_path)


def feed(runs: int, step: int = STEP) -> list[Event]:
    """Return runs of 4 events, one each `step`, and as many others. One run never ends, and one ends with the last."""
    found = list[Event]()
    for number in range(runs):
        at, key = NOON + number * step, f"exec_{number:04}"
        found += [started(at, key), entered("a", at + 1, key), exited("a", at + 2, key)]
        if number not in (3, 99):
            found.append(completed(at + 3, key))
        found.append(event("custom.note", at + 4, execution=None))
    return [*found, completed(NOON + runs * step, "exec_0099")]


def filled(journal: Journal, events: list[Event]) -> JournalWriter:
    writer = JournalWriter(journal)
    writer.prepare()
    writer.rebuild_missing()
    writer.append_new(events)
    return writer


def prune(writer: JournalWriter, before: int) -> tuple[int, set[str]]:
    retention, count, removed = writer.start_retention(before, None), 0, set[str]()
    while (delta := writer.prune_batch(retention)) is not None:
        count, removed = count - delta.event_count, removed | delta.removed
    return count, removed


def names(journal: Journal) -> list[str]:
    with journal.using() as database:
        return [partition.name for partition in partitions.read_partitions(database)]


def content(journal: Journal) -> tuple[list[bytes], list[object], list[object]]:
    runs = [key for (key,) in journal.query("SELECT execution_id FROM runs ORDER BY place")]
    return (
        [step.raw for step in journal.events()],
        [as_text(key) for key in runs],
        [*StoredStatistics(journal).figures()],
    )


def as_text(key: object) -> object:
    return key.decode() if isinstance(key, bytes) else key


def test_a_partition_is_deleted_as_a_whole_and_has_exactly_what_rows_would_have(
    place: ServerPlace, tmp_path: Path
) -> None:
    events = feed(700)
    # The third partition ends within the 300th run, whose end and the event after it are in the fourth.
    before = NOON + 300 * STEP + 4
    with place.open() as journal, Journal.open(tmp_path / "j") as file:
        writer, file_writer = filled(journal, events), filled(file, events)
        assert names(journal) == [f"events_{number}" for number in range(7)]
        with patch.object(journal, "history", wraps=journal.history) as history:
            done = prune(writer, before)
        assert history.call_count >= len(done[1])
        assert prune(file_writer, before) == done
        assert content(journal) == content(file)
        # The first has a run that is not over, and one that ended late.
        assert names(journal) == ["events_0", *(f"events_{number}" for number in range(3, 7))]
        assert [step.execution_id for _, step in journal.history("exec_0003")] == ["exec_0003"] * 3
        assert len([*journal.history("exec_0099")]) == 4
        assert prune(writer, before) == (0, set())
        writer.append_new([completed(before, "exec_0003")])
        writer.prepend_history([started(NOON - STEP, "exec_new")])
        assert len([*journal.history("exec_0003")]) == 4
    with place.open_readonly() as journal:
        assert len(journal) == len(content(journal)[0])


def test_a_partition_of_a_day_waits_until_all_of_it_is_old_and_a_longer_one_does_not(place: ServerPlace) -> None:
    with place.open() as journal:
        writer = filled(journal, feed(700))
        assert prune(writer, NOON + 50 * STEP) == (0, set())
    with patch.object(place, "identity", place.identity.__class__("https://slow.example")), place.open() as journal:
        writer = filled(journal, feed(700, DAY_MICROS))
        count, removed = prune(writer, NOON + 50 * DAY_MICROS)
        assert len(removed) == 49
        assert count == 4 * 49 + 50


def test_a_late_event_of_an_old_run_lets_the_partition_stay(place: ServerPlace) -> None:
    with place.open() as journal:
        writer = filled(journal, feed(700))
        retention = writer.start_retention(NOON + 301 * STEP, None)
        assert writer.prune_batch(retention) is not None
        writer.append_new([event("custom.note", NOON + 5, "exec_0001")])
        removed = set[str]()
        while (delta := writer.prune_batch(retention)) is not None:
            removed |= delta.removed
        assert "exec_0001" not in removed
        assert len([*journal.history("exec_0001")]) == 5
        assert journal.query("SELECT event_count FROM runs WHERE execution_id = ?", "exec_0001") == [(5,)]
        assert "exec_0002" in removed
        assert names(journal)[:2] == ["events_0", "events_1"]


def test_a_reader_that_takes_long_delays_a_partition_and_nothing_else(place: ServerPlace) -> None:
    with place.open() as journal, place.open_readonly() as reader:
        writer = filled(journal, feed(700))
        reader.begin_snapshot()
        with pytest.raises(StorageError, match="holds a lock"):
            prune(writer, NOON + 301 * STEP)
        assert len(journal) == len(feed(700)) == len(reader)
        server_connection(reader).rollback()
        assert prune(writer, NOON + 301 * STEP)[0] > 0


def test_any_position_has_a_partition() -> None:
    with patch.object(partitions, "PARTITION_POSITIONS", SIZE):
        assert [part.name for part in partitions.partitions_between(-501, 500)] == [
            *("events_m2", "events_m1", "events_0", "events_1")
        ]
        assert partitions.partitions_between(5, 4) == []
