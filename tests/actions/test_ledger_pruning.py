"""The ledger's size is bounded: old finished entries are removed, and no entry that may still be needed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.ledger_pruning import DAY_S, INPUT_START_CHARS, RETENTION_S, SMALL_BYTES, UNKNOWN_RETENTION_S

NOW = 1_800_000_000.0
DONE = Progress.CONFIRMED
LONG_INPUT = json.dumps({"text": "x" * 5_000}).encode()
UNREADABLE_LINES = (b"null", b"\xff", b'{"id": "sub_0", "at": NaN}', b'{"torn')


def replayed(identity: str, at: float, source: bytes = b"{}") -> Entry:
    return Entry(identity, at, 7, "p", "h", Kind.REPLAY, f"exec_{identity}", input_json=source)


def write(ledger: Ledger, entry: Entry, progress: Progress, source: bytes | None = None) -> None:
    assert ledger.claim(entry) is None
    ledger.record(entry.id, entry.at + 1, progress)


@pytest.mark.parametrize(
    ("progress", "age", "is_kept"),
    [
        (DONE, RETENTION_S - DAY_S, True),
        (DONE, RETENTION_S + DAY_S, False),
        (Progress.ACCEPTED, RETENTION_S + DAY_S, False),
        (Progress.UNKNOWN, RETENTION_S + DAY_S, True),
        (Progress.SENDING, RETENTION_S + DAY_S, True),
        (Progress.UNKNOWN, UNKNOWN_RETENTION_S + DAY_S, False),
    ],
)
def test_old_finished_entries_are_removed_by_the_next_write(
    tmp_path: Path, progress: Progress, age: float, is_kept: bool
) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger, reader = Ledger(path), Ledger(path)
    write(ledger, replayed("old", NOW - age), progress)
    assert len(reader.entries()) == 1
    with path.open("ab") as file:
        file.write(b"\n".join(UNREADABLE_LINES) + b"\n")
    assert ledger.claim(replayed("new", NOW)) is None
    for known in (ledger, reader, Ledger(path)):
        assert [entry.id for entry in known.entries()] == ["old"] * is_kept + ["new"]
        assert known.unreadable_count == len(UNREADABLE_LINES)
    assert [line for line in path.read_bytes().split(b"\n") if line in UNREADABLE_LINES] == list(UNREADABLE_LINES)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ledger.jsonl", "ledger.jsonl.lock"]


@pytest.mark.parametrize(
    ("progress", "age", "is_whole"),
    [
        (DONE, 60, False),
        (Progress.REFUSED, 60, False),
        (Progress.ACCEPTED, 60, True),
        (Progress.ACCEPTED, 2 * DAY_S, False),
        (Progress.UNKNOWN, 2 * DAY_S, True),
        (Progress.SENDING, 2 * DAY_S, True),
    ],
)
def test_a_long_input_is_shortened_when_it_is_no_longer_needed(
    tmp_path: Path, progress: Progress, age: float, is_whole: bool
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    write(ledger, replace(replayed("old", NOW - age, LONG_INPUT), comment="kept"), progress)
    assert ledger.claim(replayed("new", NOW)) is None
    kept, _ = Ledger(tmp_path / "ledger.jsonl").entries()
    assert (kept.progress, kept.comment, len(kept.states)) == (progress, "kept", 2)
    shortened = (None, len(LONG_INPUT), LONG_INPUT[:INPUT_START_CHARS].decode())
    assert (kept.input_json, kept.input_size, kept.input_start) == ((LONG_INPUT, None, None) if is_whole else shortened)
    assert kept.input == (json.loads(LONG_INPUT) if is_whole else None)


def test_a_large_file_is_rewritten_only_if_much_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    write(ledger, replayed("open", NOW - 60, b'"%s"' % (b"x" * SMALL_BYTES)), Progress.UNKNOWN)
    write(ledger, replayed("done", NOW - 60, LONG_INPUT), DONE)
    inode = path.stat().st_ino
    assert ledger.claim(replayed("new", NOW)) is None
    assert path.stat().st_ino == inode
    ledger.record("open", NOW, DONE)
    assert ledger.claim(replayed("newer", NOW)) is None
    assert path.stat().st_size < SMALL_BYTES / 10


def test_an_unfinished_rewrite_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    write(Ledger(path), replayed("old", NOW - RETENTION_S - DAY_S), DONE)
    (tmp_path / "ledger.jsonl.new").write_bytes(b'{"rewritten": "0"}\n{"id": "sub_half')
    assert Ledger(path).claim(replayed("new", NOW)) is None
    assert [entry.id for entry in Ledger(path).entries()] == ["new"]


def test_writes_continue_if_the_ledger_cannot_be_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    write(Ledger(path), replayed("old", NOW - RETENTION_S - DAY_S), DONE)
    (tmp_path / "ledger.jsonl.new").mkdir()
    assert Ledger(path).claim(replayed("new", NOW)) is None
    assert [entry.id for entry in Ledger(path).entries()] == ["old", "new"]


def test_concurrent_writers_lose_nothing_while_the_ledger_is_pruned(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for number in range(20):
        write(Ledger(path), replayed(f"old_{number}", NOW - RETENTION_S - DAY_S + number), DONE)

    def work(worker: int) -> None:
        ledger = Ledger(path)
        for number in range(10):
            write(ledger, replayed(f"{worker}_{number}", NOW + number, LONG_INPUT), DONE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    found = {entry.id: entry.progress for entry in Ledger(path).entries()}
    assert found == {f"{worker}_{number}": DONE for worker in range(4) for number in range(10)}
    assert path.stat().st_size < 40 * 1_500
    assert not (tmp_path / "ledger.jsonl.new").exists()
