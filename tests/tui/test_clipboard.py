"""Copying: the clipboard sequence, and the file for long texts."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.text import clipboard_text
from scaicore_tui.tui.clipboard import MAX_CLIPBOARD_BYTES, clipboard_sequence, copy
from scaicore_tui.tui.messages import CopyText
from scaicore_tui.tui.terminal.escape_filter import filter_escapes

ENVIRONMENTS = [
    {},
    {"TMUX": "/run/tmux-0/default,1,0"},
    {"TERM": "tmux-256color"},
    {"STY": "1.pts-0"},
    {"TERM": "screen"},
]


def clipboards_after(environment: dict[str, str], data: bytes) -> list[bytes]:
    """Return the clipboard contents of the terminal, and of the terminal around a multiplexer."""
    written = clipboard_sequence(data, environment)
    bare, wrapped = written.partition("\x07")[::2]
    passed_on = wrapped.removeprefix("\x1bPtmux;").replace("\x1b\x1b", "\x1b")
    passed_on = passed_on.replace("\x1b\\\x1bP", "").removeprefix("\x1bP").removesuffix("\x1b\\")
    return [base64.b64decode(found) for found in re.findall(r"\x1b\]52;c;([^\x07]*)", f"{bare}\x07{passed_on}")]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@given(data=st.binary(max_size=5_000))
def test_every_clipboard_gets_the_text(environment: dict[str, str], data: bytes) -> None:
    assert clipboards_after(environment, data) == [data] * (2 if environment else 1)
    assert filter_escapes(clipboard_sequence(data, environment)) == clipboard_sequence(data, environment)


def test_strings_for_gnu_screen_are_short_enough() -> None:
    written = clipboard_sequence(b"x" * MAX_CLIPBOARD_BYTES, {"STY": "1.pts-0"})
    assert max(map(len, re.findall(r"\x1bP(.*?)\x1b\\", written))) + 4 <= 768


def test_the_longest_sequence_has_100_000_bytes() -> None:
    assert len(clipboard_sequence(b"x" * MAX_CLIPBOARD_BYTES, {})) == 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
def test_a_long_text_is_saved_to_a_private_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    written: list[str] = []
    path = tmp_path / "scaicore-tui" / "copied.txt"
    assert (
        copy(CopyText("it", "x" * MAX_CLIPBOARD_BYTES), written.append).text == "sent to the terminal's clipboard: it"
    )
    assert len(written) == 1
    assert not path.exists()
    for text in ("ö" * MAX_CLIPBOARD_BYTES, "x" * (MAX_CLIPBOARD_BYTES + 1)):
        notice = copy(CopyText("it", text), written.append)
        assert notice.text.endswith(f"bytes are too many for a terminal's clipboard · saved to {path}")
        assert path.read_text() == text
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert len(written) == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
def test_a_failed_save_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    notice = copy(CopyText("it", "x" * 100_000), lambda _: None)
    assert (notice.text.partition(" · ")[2], notice.colour) == (
        "nothing was copied · cannot write a file: Not a directory",
        "red",
    )


@given(st.text(st.characters(exclude_categories=())))
def test_a_value_is_copied_verbatim_or_as_json(value: str) -> None:
    copied = clipboard_text(value)
    assert copied == value or json.loads(copied) == value
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in copied)
