"""Job control in a real shell: Ctrl-Z restores the terminal, and `fg` draws the whole screen again."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.app_states import STATES, AppProcess
from tests.support.terminal import Terminal
from tests.support.terminal_modes import changed_modes

CTRL_Z = "\x1a"
SCREEN = b"\x1b[?1049h"
# The row below the two rows that show ages.
STATUS = 2
# Seconds without output after which the screen is complete.
QUIET_S = 0.4


@pytest.fixture
def job(scene: AppProcess) -> AppProcess:
    scene.in_shell = True
    return scene


def stop(terminal: Terminal) -> None:
    """Press Ctrl-Z, and wait until the shell reports the stop."""
    before = stop_reports(terminal)
    terminal.press(CTRL_Z)
    terminal.wait_until(lambda: stop_reports(terminal) > before)


def resume(terminal: Terminal, enter: str = "\r") -> None:
    """Continue the job with `fg`, and wait until it has the terminal."""
    written = len(terminal.output)
    terminal.press(f"fg{enter}")
    terminal.wait_until(lambda: SCREEN in terminal.output[written:])


def stop_reports(terminal: Terminal) -> int:
    return len(re.findall(rb"\[1\].*(?:Stopped|Suspended)", terminal.output))


def all_stopped(group: int) -> bool:
    """Return True if all processes of the group are stopped, as /proc shows."""
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group, *_ = path.read_text().rpartition(")")[2].split()
            states += [state] if int(process_group) == group else []
    return set(states) == {"T"}


def end(scene: AppProcess, terminal: Terminal) -> None:
    """Stop the job, send it SIGTERM, continue it, and check that it ends and restores the terminal."""
    stop(terminal)
    terminal.press("kill %1; fg; echo CODE $?", "enter")
    terminal.wait_until(f"CODE {128 + signal.SIGTERM}")
    assert changed_modes(bytes(terminal.output)) == {}
    assert terminal.attributes == scene.before
    terminal.press("exit", "enter")
    terminal.wait()
    scene.assert_clean(terminal)


@pytest.mark.parametrize("state", [state for state in STATES if state != "editor"])
def test_a_stop_restores_the_terminal_and_fg_draws_the_screen(job: AppProcess, state: str) -> None:
    with STATES[state].start(job) as terminal:
        terminal.wait_for_silence(QUIET_S)
        before = terminal.cells[STATUS:]
        stop(terminal)
        assert changed_modes(bytes(terminal.output)) == {}
        assert terminal.attributes == job.before
        resume(terminal)
        terminal.wait_until(lambda: terminal.cells[STATUS:] == before)
        end(job, terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_editor_is_stopped_and_continued_with_the_app(job: AppProcess) -> None:
    with STATES["editor"].start(job) as terminal:
        stop(terminal)
        # The shell waits for the app only: an editor that is not stopped yet would read the next command.
        terminal.wait_until(lambda: all_stopped(group=terminal.children[0]))
        echo_count = terminal.output.count(b"--journal")
        terminal.press("fg", "enter")
        terminal.wait_until(lambda: terminal.output.count(b"--journal") > echo_count)
        terminal.press("saved", "enter")
        terminal.wait_until(lambda: SCREEN in terminal.output.partition(b"INPUT saved")[2])
        terminal.wait_until("enter invokes")
        # The app may take the terminal a second time just after the stop, which discards typed input.
        terminal.wait_for_silence(QUIET_S)
        terminal.press("escape")
        terminal.wait_until(lambda: "enter invokes" not in terminal.text)
        end(job, terminal)


def test_in_the_background_the_terminal_is_not_used(job: AppProcess) -> None:
    with STATES["main screen"].start(job) as terminal:
        stop(terminal)
        terminal.press("bg", "enter", "echo IN $((40 + 2)) BACK", "enter")
        terminal.wait_until("IN 42 BACK")
        terminal.wait_for_silence(1)
        assert changed_modes(bytes(terminal.output)) == {}
        resume(terminal)
        end(job, terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_after_sigstop_the_whole_screen_is_drawn(job: AppProcess) -> None:
    with STATES["main screen"].start(job) as terminal:
        terminal.wait_for_silence(QUIET_S)
        before, stopped = terminal.cells[STATUS:], stop_reports(terminal)
        os.kill(terminal.children[0], signal.SIGSTOP)
        terminal.wait_until(lambda: stop_reports(terminal) > stopped)
        # The terminal is still in raw mode, where enter sends no newline.
        terminal.press("echo over it all\n")
        resume(terminal, enter="\n")
        terminal.wait_until(lambda: terminal.cells[STATUS:] == before)
        end(job, terminal)


def test_without_a_job_control_shell_a_stop_continues_at_once(scene: AppProcess) -> None:
    with STATES["main screen"].start(scene) as terminal:
        terminal.wait_for_silence(QUIET_S)
        before, written = terminal.cells[STATUS:], len(terminal.output)
        terminal.press(CTRL_Z)
        terminal.wait_until(lambda: SCREEN in terminal.output[written:])
        terminal.wait_until(lambda: terminal.cells[STATUS:] == before)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        scene.assert_clean(terminal)
