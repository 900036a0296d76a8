"""The output of the command line on a terminal, with the same hostile server."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.bench.feed import served
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import BUSY_RUN, SHORT_CHARS, HostileFeed
from tests.support.hostile.output_grammar import LINES, SEQUENCES, invisible_characters, unexpected_sequences
from tests.support.terminal import Terminal, environment_for

STRINGS = list(CORPUS.values())
COMMAND = (sys.executable, "-m", "scaicore_tui")
PATIENCE = 60
# Breakpoints that are continued: the server takes the one, and refuses the other.
ANSWERED = (0, 13)


@pytest.fixture(scope="module")
def feed() -> HostileFeed:
    """Of the long strings only the last part: some commands print all there is."""
    return HostileFeed([words[-2 * SHORT_CHARS :] for words in STRINGS])


@pytest.fixture(scope="module")
def settings(feed: HostileFeed) -> Iterator[dict[str, str]]:
    """Without colours: any sequence is a foreign one then."""
    with served(feed) as told:
        yield told | {"NO_COLOR": "1"}


def printed(home: Path, settings: Mapping[str, str], *arguments: str) -> tuple[int, bytes]:
    """The exit code, and all that came on the terminal, which has standard error too."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment_for(home) | dict(settings)
    )
    os.close(theirs)
    found = bytearray()
    try:
        while data := os.read(ours, 1 << 16):
            found += data
    except OSError:  # what Linux says once nobody has the terminal open
        pass
    os.close(ours)
    return process.wait(PATIENCE), bytes(found)


def assert_harmless(written: bytes, *allowed: str) -> None:
    assert unexpected_sequences(written, LINES, *allowed) == []
    assert invisible_characters(written) == set()
    assert b"Traceback" not in written


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",),
        ("runs", "--failed", "--ascii"),
        ("show", BUSY_RUN),
        ("events",),
        ("events", "--json"),
        ("checkpoints",),
        ("checkpoints", "--status", "resolved"),
        ("checkpoints", "--json"),
        ("runs", "--json"),
    ],
    ids=" ".join,
)
def test_prints_safe_output_of_reads(tmp_path: Path, settings: Mapping[str, str], arguments: tuple[str, ...]) -> None:
    code, written = printed(tmp_path, settings, *arguments)
    assert code == 0, written[-500:]
    assert len(written) > 10_000
    assert_harmless(written)


@pytest.mark.parametrize("command", ["runs", "checkpoints"])
def test_prints_only_text_and_colours(tmp_path: Path, settings: Mapping[str, str], command: str) -> None:
    code, written = printed(tmp_path, {**settings, "NO_COLOR": ""}, command)
    assert code == 0
    assert_harmless(written, SEQUENCES["pen"])
    assert b"\x1b[31m" in written or command != "runs"


@pytest.mark.parametrize("words", STRINGS[::29])
def test_prints_safe_error_messages(tmp_path: Path, feed: HostileFeed, settings: Mapping[str, str], words: str) -> None:
    """What a server says that can't be had; an argument that means nothing; a setting that makes no sense."""
    feed.error_message = words
    try:
        code, written = printed(tmp_path, settings, "runs")
    finally:
        feed.error_message = None
    assert code == 3
    assert_harmless(written)
    told = words.replace("\0", "")[:1_000].encode("utf-8", "surrogateescape" if _is_bytes(words) else "replace")
    code, written = printed(tmp_path, settings, "show", "--", os.fsdecode(told))
    assert code in (0, 2, 5), "a run may be found whose id begins so"
    assert_harmless(written)
    code, written = printed(tmp_path, {**settings, "SCAICORE_TUI_PROFILE": os.fsdecode(told) or "x"}, "runs")
    assert code == 2
    assert_harmless(written)


def test_prints_safe_results_of_writes(tmp_path: Path, feed: HostileFeed, settings: Mapping[str, str]) -> None:
    """Questions with hostile names, answered with a no and with a yes; then the ledger."""
    for number in ANSWERED:
        written = answered(tmp_path, settings, "n", "continue", f"break_{number}")
        assert_harmless(written)
    assert not feed.posts
    for number in ANSWERED:
        feed.refusal = STRINGS[number] if number % 2 else None
        _, written = printed(tmp_path, settings, "continue", f"break_{number}", "--yes")
        assert_harmless(written)
    feed.refusal = STRINGS[3]
    assert_harmless(answered(tmp_path, settings, "y", "replay", "--", f"{STRINGS[1]}#1"))
    feed.refusal = None
    assert len(feed.posts) == len(ANSWERED) + 1
    code, written = printed(tmp_path, settings, "ledger")
    assert code == 0
    assert_harmless(written)


def answered(home: Path, settings: Mapping[str, str], key: str, *arguments: str) -> bytes:
    """What a command writes that asks first, and is answered with a key."""
    with Terminal(home, [*COMMAND, *arguments], size=(80, 24), env=settings) as terminal:
        terminal.wait_until(lambda: "[y/N]" in "".join(terminal.lines))
        terminal.press(key, "enter")
        terminal.wait()
        return bytes(terminal.output)


def _is_bytes(words: str) -> bool:
    """Whether each of its surrogates stands for a byte."""
    return not any("\ud800" <= sign <= "\udfff" and not "\udc80" <= sign <= "\udcff" for sign in words)
