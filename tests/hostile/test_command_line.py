"""The output of the command line on a terminal, with a hostile server."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.bench.feed import served
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import BUSY_RUN, SHORT_CHARS, HostileFeed
from tests.support.hostile.output_grammar import LINES, SEQUENCES, invisible_characters, unexpected_sequences
from tests.support.terminal import Terminal, environment_for
from tests.support.warm_program import warm_server

STRINGS = list(CORPUS.values())
COMMAND = (sys.executable, "-m", "scaicore_tui")
EXIT_TIMEOUT_S = 60
# Breakpoints to continue: the server accepts the first and refuses the second.
CONTINUED = (0, 13)


@pytest.fixture(scope="module")
def feed() -> HostileFeed:
    """Return a feed of the ends of all strings: some commands print everything."""
    return HostileFeed([string[-2 * SHORT_CHARS :] for string in STRINGS])


@pytest.fixture(scope="module")
def settings(feed: HostileFeed) -> Iterator[dict[str, str]]:
    """Yield the environment of the program, without colours: then any escape sequence is foreign."""
    with served(feed) as environment:
        yield environment | {"NO_COLOR": "1"}


def run_command(home: Path, settings: Mapping[str, str], *arguments: str) -> tuple[int, bytes]:
    """Run a command on a terminal; return its exit code and its output, standard error included."""
    terminal_fd, program_fd = pty.openpty()
    environment = environment_for(home) | dict(settings)
    process = warm_server().start(arguments, environment, (program_fd, program_fd, program_fd))
    os.close(program_fd)
    output = bytearray()
    try:
        while data := os.read(terminal_fd, 1 << 16):
            output += data
    except OSError:  # Linux raises it once the terminal's other end is closed.
        pass
    os.close(terminal_fd)
    return process.wait(EXIT_TIMEOUT_S), bytes(output)


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
        ("show", BUSY_RUN, "--json"),
        ("show", BUSY_RUN, "--view", "timeline"),
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
    code, written = run_command(tmp_path, settings, *arguments)
    assert code == 0, written[-500:]
    assert len(written) > 10_000
    assert_harmless(written)


@pytest.mark.parametrize("command", ["runs", "checkpoints"])
def test_prints_only_text_and_colours(tmp_path: Path, settings: Mapping[str, str], command: str) -> None:
    code, written = run_command(tmp_path, {**settings, "NO_COLOR": ""}, command)
    assert code == 0
    assert_harmless(written, SEQUENCES["pen"])
    assert b"\x1b[31m" in written or command != "runs"


@pytest.mark.parametrize("string", STRINGS[::29])
def test_prints_safe_error_messages(
    tmp_path: Path, feed: HostileFeed, settings: Mapping[str, str], string: str
) -> None:
    """Use the string as a server error, as an argument and as a setting."""
    feed.error_message = string
    try:
        code, written = run_command(tmp_path, settings, "runs")
    finally:
        feed.error_message = None
    assert code == 3
    assert_harmless(written)
    argument_bytes = string.replace("\0", "")[:1_000].encode(
        "utf-8", "surrogateescape" if _is_bytes(string) else "replace"
    )
    code, written = run_command(tmp_path, settings, "show", "--", os.fsdecode(argument_bytes))
    assert code in (0, 2, 5), "0 if the string is a prefix of a run's id"
    assert_harmless(written)
    code, written = run_command(
        tmp_path, {**settings, "SCAICORE_TUI_PROFILE": os.fsdecode(argument_bytes) or "x"}, "runs"
    )
    assert code == 2
    assert_harmless(written)


def test_prints_safe_results_of_writes(tmp_path: Path, feed: HostileFeed, settings: Mapping[str, str]) -> None:
    """Answer questions with hostile names with no and with yes, then list the ledger."""
    for number in CONTINUED:
        written = run_and_press(tmp_path, settings, "n", "continue", f"break_{number}")
        assert_harmless(written)
    assert not feed.posts
    for number in CONTINUED:
        feed.refusal = STRINGS[number] if number % 2 else None
        _, written = run_command(tmp_path, settings, "continue", f"break_{number}", "--yes")
        assert_harmless(written)
    feed.refusal = STRINGS[3]
    assert_harmless(run_and_press(tmp_path, settings, "y", "replay", "--", f"{STRINGS[1]}#1"))
    feed.refusal = None
    assert len(feed.posts) == len(CONTINUED) + 1
    code, written = run_command(tmp_path, settings, "ledger")
    assert code == 0
    assert_harmless(written)


def run_and_press(home: Path, settings: Mapping[str, str], key: str, *arguments: str) -> bytes:
    """Run a command that asks a question, press `key`, and return its output."""
    with Terminal(home, [*COMMAND, *arguments], size=(80, 24), env=settings) as terminal:
        terminal.wait_until(lambda: "[y/N]" in "".join(terminal.lines))
        terminal.press(key, "enter")
        terminal.wait()
        return bytes(terminal.output)


def _is_bytes(string: str) -> bool:
    """Return True if each surrogate in `string` stands for a byte."""
    return not any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in string)
