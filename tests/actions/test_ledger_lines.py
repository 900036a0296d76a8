"""An odd line in the ledger is kept, counted and passed over, and stops nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.errors import StorageError

NOW = 1_800_000_000.0
ENTRY = Entry("sub_1", NOW, os.getpid(), "staging", "grid:443", Kind.ANSWER, "ckpt_1", resolution="approve")
FIRST = (
    '{"id": "sub_0", "at": 1800000000.0, "pid": 7, "profile": "p", "host": "h", "kind": "answer", "target_id": "t",'
    ' "progress": "sending"'
)
ODD = [
    b"null",
    b"[]",
    b"5",
    b'"text"',
    b"{}",
    b'{"id": null, "at": 5}',
    b'{"id": 5, "at": 5, "progress": "unknown"}',
    b'{"id": "sub_1", "at": NaN, "progress": "unknown"}',
    b'{"id": "sub_1", "at": 1e400, "progress": "unknown"}',
    b'{"id": "sub_1", "at": 1e300, "progress": "unknown"}',
    b'{"id": "sub_1", "at": "noon", "progress": "unknown"}',
    b'{"id": "sub_1", "at": 5, "progress": "archived"}',
    b'{"id": "sub_1", "at": 5, "progress": ["unknown"]}',
    b'{"id": "sub_1", "at": 5, "progress": "unknown", "message": {"a": 1}}',
    b'{"id": "sub_1", "at": 5, "progress": "unknown", "execution_id": 7}',
    b'{"id": "sub_1", "at": 5',
    b"[" * 200_000,
    b'{"id": "sub_1", "at": 5, "progress": "unknown", "message": ' + b"[" * 200_000,
    b"\xff\xfe\x00",
    b"\x00" * 50,
    FIRST.replace('"pid": 7', '"pid": 0').encode() + b"}",
    FIRST.replace('"pid": 7', f'"pid": {2**70}').encode() + b"}",
    FIRST.replace('"pid": 7', '"pid": -1').encode() + b"}",
    FIRST.replace('"answer"', '"fork"').encode() + b"}",
    FIRST.replace('"target_id": "t"', '"target_id": {}').encode() + b"}",
    FIRST.replace('"host": "h", ', "").encode() + b"}",
]


def damaged(path: Path, *lines: bytes) -> Path:
    """A ledger with one good entry, and other lines behind it."""
    Ledger(path).claim(ENTRY)
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return path


@pytest.mark.parametrize("line", ODD, ids=lambda line: line[:40].decode("latin-1"))
def test_an_odd_line_is_counted_and_hides_nothing(tmp_path: Path, line: bytes) -> None:
    ledger = Ledger(damaged(tmp_path / "ledger.jsonl", line))
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, ledger.unreadable_count) == ("sub_1", Progress.SENDING, 1)
    assert ledger.claim(replace(ENTRY, id="sub_2", target_id="ckpt_2")) is None
    assert "is writing to it now" in str(ledger.claim(replace(ENTRY, id="sub_3")))
    assert line in (tmp_path / "ledger.jsonl").read_bytes().split(b"\n")


def test_a_write_in_a_state_of_a_newer_version_counts_as_being_sent(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    newer = FIRST.replace('"sending"', '"queued", "shard": {"of": 3}').encode()
    path.write_bytes(newer + b"}\n")
    ledger = Ledger(path)
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, ledger.unreadable_count) == ("sub_0", Progress.SENDING, 1)


def test_fields_of_a_newer_version_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(FIRST.encode() + b', "shard": ["s_1"], "message": null}\n')
    ledger = Ledger(path)
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, kept.core_id, ledger.unreadable_count) == ("sub_0", Progress.SENDING, None, 0)


def test_a_line_is_read_once_and_a_file_in_the_place_of_another_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger, other = Ledger(path), Ledger(path)
    assert ledger.claim(ENTRY) is None
    assert len(other.entries()) == 1
    ledger.record("sub_1", NOW + 1, Progress.REFUSED)
    # What was read before is not read again: this would make it another write.
    begin = path.read_bytes().index(b'"ckpt_1"')
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(b'"ckpt_9"')
    (kept,) = other.entries()
    assert (kept.target_id, kept.progress) == ("ckpt_1", Progress.REFUSED)
    replacement = tmp_path / "other.jsonl"
    Ledger(replacement).claim(replace(ENTRY, id="sub_other"))
    Ledger(replacement).claim(replace(ENTRY, id="sub_more", target_id="ckpt_2"))
    replacement.replace(path)
    assert [entry.id for entry in other.entries()] == ["sub_other", "sub_more"]
    path.write_bytes(b"")
    assert other.entries() == []
    path.unlink()
    assert other.entries() == []


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(FIRST.encode())
    ledger = Ledger(path)
    assert (ledger.entries(), ledger.unreadable_count) == ([], 0)
    with path.open("ab") as file:
        file.write(b"}\n")
    assert [entry.id for entry in ledger.entries()] == ["sub_0"]


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.jsonl.lock"])
def test_what_is_no_file_is_named_and_nothing_is_claimed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o755)
    with pytest.raises(StorageError, match=r"the ledger .*ledger\.jsonl can't be written"):
        Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o755


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ledger.jsonl")
    for work in (Ledger(tmp_path / "ledger.jsonl").entries, lambda: Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)):
        with pytest.raises(StorageError, match="not a regular file"):
            work()


def test_a_lock_file_that_is_no_lock_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl.lock").write_bytes(b"not a database, and long enough to be looked at as one" * 100)
    with pytest.raises(StorageError, match=r"ledger\.jsonl\.lock"):
        Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)
