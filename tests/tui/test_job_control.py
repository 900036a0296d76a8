"""Stopped and continued by a real shell, as any job: the terminal is the shell's meanwhile, and all is painted anew."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.app_states import STATES, Scene
from tests.support.terminal import Terminal
from tests.support.terminal_modes import left

CTRL_Z = "\x1a"
SCREEN = b"\x1b[?1049h"
# Both ages are told there.
STATUS = 2
# After so many seconds without a byte, a screen shows what it has to show.
STILL = 0.4


@pytest.fixture
def job(scene: Scene) -> Scene:
    scene.in_shell = True
    return scene


def stop(terminal: Terminal) -> None:
    """Stop the job, and wait for the shell to say so."""
    before = said_stopped(terminal)
    terminal.press(CTRL_Z)
    terminal.until(lambda: said_stopped(terminal) > before)


def go_on(terminal: Terminal, enter: str = "\r") -> None:
    """Continue the job, and wait until it has the terminal again."""
    written = len(terminal.output)
    terminal.press(f"fg{enter}")
    terminal.until(lambda: SCREEN in terminal.output[written:])


def said_stopped(terminal: Terminal) -> int:
    return len(re.findall(rb"\[1\].*(?:Stopped|Suspended)", terminal.output))


def all_stopped(group: int) -> bool:
    """Whether all processes of a job are stopped, as far as Linux tells."""
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group, *_ = path.read_text().rpartition(")")[2].split()
            states += [state] if int(process_group) == group else []
    return set(states) == {"T"}


def end(scene: Scene, terminal: Terminal) -> None:
    """A job that was stopped ends when it goes on, where a signal told it so."""
    stop(terminal)
    terminal.press("kill %1; fg; echo CODE $?", "enter")
    terminal.until(f"CODE {128 + signal.SIGTERM}")
    assert left(bytes(terminal.output)) == {}
    assert terminal.attributes == scene.before
    terminal.press("exit", "enter")
    terminal.wait()
    scene.assert_in_order(terminal)


@pytest.mark.parametrize("state", [state for state in STATES if state != "editor"])
def test_stopped_it_leaves_the_terminal_and_continued_it_paints_all(job: Scene, state: str) -> None:
    with STATES[state].reached(job) as terminal:
        terminal.quiet(STILL)
        before = terminal.painted[STATUS:]
        stop(terminal)
        assert left(bytes(terminal.output)) == {}
        assert terminal.attributes == job.before
        go_on(terminal)
        terminal.until(lambda: terminal.painted[STATUS:] == before)
        end(job, terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who is stopped")
def test_the_editor_is_stopped_and_continued_with_it(job: Scene) -> None:
    with STATES["editor"].reached(job) as terminal:
        stop(terminal)
        # The shell knows of the app only; an editor that has yet to notice takes what is typed for the shell.
        terminal.until(lambda: all_stopped(group=terminal.children[0]))
        told = terminal.output.count(b"--journal")
        terminal.press("fg", "enter")
        terminal.until(lambda: terminal.output.count(b"--journal") > told)
        terminal.press("saved", "enter")
        terminal.until(lambda: SCREEN in terminal.output.partition(b"TOLD saved")[2])
        terminal.until("enter invokes")
        # Continued only just now, it may take the terminal a second time, and what was typed before is gone then.
        terminal.quiet(STILL)
        terminal.press("escape")
        terminal.until(lambda: "enter invokes" not in terminal.text)
        end(job, terminal)


def test_in_the_background_it_leaves_the_terminal_alone(job: Scene) -> None:
    with STATES["main screen"].reached(job) as terminal:
        stop(terminal)
        terminal.press("bg", "enter", "echo IN $((40 + 2)) BACK", "enter")
        terminal.until("IN 42 BACK")
        terminal.quiet(1)
        assert left(bytes(terminal.output)) == {}
        go_on(terminal)
        end(job, terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells whose process it is")
def test_after_a_stop_that_nobody_is_told_of_all_is_painted(job: Scene) -> None:
    with STATES["main screen"].reached(job) as terminal:
        terminal.quiet(STILL)
        before, stopped = terminal.painted[STATUS:], said_stopped(terminal)
        os.kill(terminal.children[0], signal.SIGSTOP)
        terminal.until(lambda: said_stopped(terminal) > stopped)
        # A terminal in raw mode makes no end of a line out of enter.
        terminal.press("echo over it all\n")
        go_on(terminal, enter="\n")
        terminal.until(lambda: terminal.painted[STATUS:] == before)
        end(job, terminal)


def test_without_a_shell_that_could_let_it_go_on_it_goes_on(scene: Scene) -> None:
    with STATES["main screen"].reached(scene) as terminal:
        terminal.quiet(STILL)
        before, written = terminal.painted[STATUS:], len(terminal.output)
        terminal.press(CTRL_Z)
        terminal.until(lambda: SCREEN in terminal.output[written:])
        terminal.until(lambda: terminal.painted[STATUS:] == before)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        scene.assert_in_order(terminal)
