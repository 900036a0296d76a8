"""An unreadable line in the ledger is kept, counted and skipped, and blocks no later write."""

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
FIRST_LINE = (
    '{"id": "sub_0", "at": 1800000000.0, "pid": 7, "profile": "p", "host": "h", "kind": "answer", "target_id": "t",'
    ' "progress": "sending"'
)
UNREADABLE = [
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
    FIRST_LINE.replace('"pid": 7', '"pid": 0').encode() + b"}",
    FIRST_LINE.replace('"pid": 7', f'"pid": {2**70}').encode() + b"}",
    FIRST_LINE.replace('"pid": 7', '"pid": -1').encode() + b"}",
    FIRST_LINE.replace('"answer"', '"fork"').encode() + b"}",
    FIRST_LINE.replace('"target_id": "t"', '"target_id": {}').encode() + b"}",
    FIRST_LINE.replace('"host": "h", ', "").encode() + b"}",
]


def damaged(path: Path, *lines: bytes) -> Path:
    """Write a ledger with one valid entry and then `lines`; return its path."""
    Ledger(path).claim(ENTRY)
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return path


@pytest.mark.parametrize("line", UNREADABLE, ids=lambda line: line[:40].decode("latin-1"))
def test_an_unreadable_line_is_counted_and_hides_no_entry(tmp_path: Path, line: bytes) -> None:
    ledger = Ledger(damaged(tmp_path / "ledger.jsonl", line))
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, ledger.unreadable_count) == ("sub_1", Progress.SENDING, 1)
    assert ledger.claim(replace(ENTRY, id="sub_2", target_id="ckpt_2")) is None
    assert "is writing to it now" in str(ledger.claim(replace(ENTRY, id="sub_3")))
    assert line in (tmp_path / "ledger.jsonl").read_bytes().split(b"\n")


def test_an_unknown_state_of_a_newer_version_is_read_as_sending(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    newer = FIRST_LINE.replace('"sending"', '"queued", "shard": {"of": 3}').encode()
    path.write_bytes(newer + b"}\n")
    ledger = Ledger(path)
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, ledger.unreadable_count) == ("sub_0", Progress.SENDING, 1)


def test_fields_of_a_newer_version_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(FIRST_LINE.encode() + b', "shard": ["s_1"], "message": null}\n')
    ledger = Ledger(path)
    (kept,) = ledger.entries()
    assert (kept.id, kept.progress, kept.core_id, ledger.unreadable_count) == ("sub_0", Progress.SENDING, None, 0)


def test_each_line_is_read_once_and_a_replaced_file_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger, other = Ledger(path), Ledger(path)
    assert ledger.claim(ENTRY) is None
    assert len(other.entries()) == 1
    ledger.record("sub_1", NOW + 1, Progress.REFUSED)
    # A second read of this part would return another target: it shows that lines are read only once.
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


def test_an_incomplete_line_is_read_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(FIRST_LINE.encode())
    ledger = Ledger(path)
    assert (ledger.entries(), ledger.unreadable_count) == ([], 0)
    with path.open("ab") as file:
        file.write(b"}\n")
    assert [entry.id for entry in ledger.entries()] == ["sub_0"]


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.jsonl.lock"])
def test_a_directory_in_place_of_the_ledger_is_a_storage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o755)
    with pytest.raises(StorageError, match=r"the ledger .*ledger\.jsonl can't be written"):
        Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o755


def test_a_pipe_in_place_of_the_ledger_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ledger.jsonl")
    for work in (Ledger(tmp_path / "ledger.jsonl").entries, lambda: Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)):
        with pytest.raises(StorageError, match="not a regular file"):
            work()


def test_an_invalid_lock_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl.lock").symlink_to("ledger.jsonl.lock")
    with pytest.raises(StorageError, match=r"ledger\.jsonl\.lock"):
        Ledger(tmp_path / "ledger.jsonl").claim(ENTRY)
