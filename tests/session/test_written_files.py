"""Writing a file: whole or not at all, links and devices stay what they are."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaicore_tui.errors import StorageError, UsageError
from scaicore_tui.session.exports import read_redaction_key, write_file


def failing() -> Iterator[str]:
    yield "begin"
    raise UsageError("too large")


def test_a_file_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    assert write_file(path, ["a", "é", "\udc80"]) == 4
    assert path.read_bytes() == b"a\xc3\xa9\x80"
    with pytest.raises(UsageError):
        write_file(path, failing())
    assert path.read_bytes() == b"a\xc3\xa9\x80"
    assert write_file(path, ["\ud800 is no character"])
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_file(link, ["new"])
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = list[bytes]()
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    text = "x" * 200_000
    assert write_file(pipe, [text, "end"]) == len(text) + 3
    reader.join()
    assert read == [f"{text}end".encode()]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "run.html"):
        with pytest.raises(StorageError, match=r"can't write .* · nothing was written · .*choose another file"):
            write_file(path, ["a"])
    assert list(tmp_path.iterdir()) == []


def test_the_key_of_hashes_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "redaction.key"
    first = read_redaction_key(path)
    assert read_redaction_key(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("damaged")
    assert read_redaction_key(path) != first
    assert read_redaction_key(None) != read_redaction_key(None)
