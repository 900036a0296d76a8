"""Text files with a byte order mark or Windows line ends are read; other encodings are rejected with a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.config.token_sources import TokenFile
from scaicore_tui.config.tokens import read_token_file
from scaicore_tui.decoding import decode_text
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret
from scaicore_tui.store.recordings import JsonlRecording, is_event_file
from tests.support.builders import entered, started

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
# Python's `utf-16` writes the byte order of this machine; the last entry has the other one.
WITH_BYTE_ORDER_MARK = [*(("größe".encode(name)) for name in ENCODINGS), b"\xfe\xff" + "größe".encode("utf-16-be")]


@pytest.mark.parametrize("data", WITH_BYTE_ORDER_MARK)
def test_the_byte_order_mark_selects_the_encoding(data: bytes) -> None:
    assert decode_text(data) == "größe"


@pytest.mark.parametrize(("data", "message"), [(b"a\nb\xe4", "line 2 is not UTF-8"), (b"\xff\xfea", "UTF-16-LE")])
def test_invalid_text_is_reported_with_its_line(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_text(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_profiles_and_token_files_are_read_in_each_encoding(encoding: str, tmp_path: Path) -> None:
    config, token = tmp_path / "config.toml", tmp_path / "token"
    config.write_bytes('[profiles.work]\r\ncore = "größe"\r\n'.encode(encoding))
    token.write_bytes("a.b.c\r\n".encode(encoding))
    token.chmod(0o600)
    assert read_profiles(config).profiles["work"].core == "größe"
    assert read_token_file(TokenFile("token", token)) == Secret("a.b.c")


def test_the_byte_order_mark_is_not_part_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + started(execution="exec_a").raw + b"\r\n" + entered("n", execution="exec_a").raw + b"\r\n"
    )
    assert is_event_file(path)
    assert len(list(JsonlRecording(path).events())) == 2
    recording = JsonlRecording(path)
    assert [run.event_count for run in recording.summaries()] == [2]
    assert len(list(recording.events("exec_a"))) == 2


def test_a_recording_in_another_encoding_is_rejected_with_the_command_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(started(execution="exec_a").raw.decode().encode("utf-16"))
    with pytest.raises(ConfigError, match=r"UTF-16.*iconv -f UTF-16"):
        is_event_file(path)
