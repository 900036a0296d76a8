"""The real program with environment variables set by other programs, and with limited locales and terminals."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.cli.app_environment import clean_environment, ignored_variables
from tests.support.builders import event, started
from tests.support.terminal import DEBUGGER, Terminal

START_TEXT = "not connected"
LEFT_OVER = {
    "TEXTUAL": "debug,devtools",
    "TEXTUAL_DRIVER": "no.such:Driver",
    "TEXTUAL_LOG": "/no/such/folder/log",
    "TEXTUAL_COLOR_SYSTEM": "nonsense",
    "TEXTUAL_PRESS": "q",
    "TEXTUAL_SCREENSHOT": "0",
    "TEXTUAL_FPS": "many",
    "COLUMNS": "99999999",
    "LINES": "1",
}


def test_left_over_variables_change_nothing(tmp_path: Path) -> None:
    with Terminal(tmp_path, env=LEFT_OVER) as terminal:
        terminal.wait_until(START_TEXT)
        terminal.wait_until("quit")
        terminal.resize(100, 30)
        terminal.wait_until(lambda: len(terminal.lines) == 30 and "quit" in terminal.lines[29])
        terminal.press("q")
        assert terminal.wait() == 0


def test_app_uses_ascii_if_the_locale_lacks_its_glyphs(tmp_path: Path) -> None:
    recording = tmp_path / "events.jsonl"
    failed = event("invocation.failed", error="∞ 日本")
    recording.write_bytes(b"\n".join((started().raw, failed.raw)) + b"\n")
    command = (*DEBUGGER, "--offline", "--journal", str(recording))
    with Terminal(tmp_path, command, env={"PYTHONIOENCODING": "ascii"}) as terminal:
        terminal.wait_until("? ????")
        row = next(line for line in terminal.lines if "? ????" in line)
        assert row.startswith("> x ")
        terminal.press("q")
        assert terminal.wait() == 0
    assert terminal.output.isascii()
    assert b"\\u" not in terminal.output


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_is_refused(term: str, tmp_path: Path) -> None:
    with Terminal(tmp_path, env={"TERM": term}) as terminal:
        assert terminal.wait() == 2
    assert f"TERM={term}" in terminal.text


def test_only_variables_of_other_programs_are_removed() -> None:
    env = {**LEFT_OVER, "SCAICORE_TUI_URL": "https://h.example", "TEXTUALIZE": "1", "COLUMNS": "120", "LINES": "0"}
    assert ignored_variables(env) == sorted(name for name in LEFT_OVER if name.startswith("TEXTUAL"))
    clean_environment(env)
    # Without a terminal that has a size, plausible values are kept.
    assert env == {"SCAICORE_TUI_URL": "https://h.example", "TEXTUALIZE": "1", "COLUMNS": "120"}
