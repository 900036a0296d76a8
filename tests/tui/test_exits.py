"""However the app ends, and whatever it does just then: the terminal is as it was, the journal closed, nothing left."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from scaicore_tui.actions import Ledger, Progress
from scaicore_tui.store import Journal
from tests.support.app_states import STATES, Scene
from tests.support.terminal import DEBUGGER, Terminal
from tests.support.terminal_modes import after_the_screen, left

DEMO = (*DEBUGGER, "demo", "--seed", "7")

UNKNOWN = b"1 write has an unknown outcome: the next start of the app looks it up; scaicore-tui ledger lists it"
ENDING = {"hang-up": signal.SIGHUP, "interrupt": signal.SIGINT, "quit": signal.SIGQUIT, "terminate": signal.SIGTERM}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it tells who the servers are")
PATIENCE = 30
TYPED = ("interrupt", "quit")


@pytest.mark.parametrize(
    ("state", "ending"),
    [(state, ending) for state in STATES for ending in ENDING if state != "editor" or ending not in TYPED],
)
def test_a_signal_ends_it_and_all_is_in_order(scene: Scene, state: str, ending: str) -> None:
    with STATES[state].reached(scene) as terminal:
        terminal.signal(ENDING[ending])
        assert terminal.wait() == 128 + ENDING[ending]
        scene.assert_in_order(terminal)
        said = after_the_screen(bytes(terminal.output)).replace(b"EDITING", b"").strip()
        assert said == (UNKNOWN if state == "writing" else b"")
    if state == "writing":
        assert_unknown(scene)


@pytest.mark.parametrize("state", STATES)
def test_a_terminal_that_is_gone_ends_it_too(scene: Scene, state: str) -> None:
    with STATES[state].reached(scene) as terminal:
        assert terminal.hang_up() == 128 + signal.SIGHUP
        scene.assert_closed(terminal)
    if state == "writing":
        assert_unknown(scene)


def assert_unknown(scene: Scene) -> None:
    """The ledger has the write, for the next start to look up."""
    (entry,) = Ledger(scene.state / "ledger.jsonl").entries()
    assert entry.progress is Progress.UNKNOWN


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_to_interrupt_is_the_editors(scene: Scene, typed: str) -> None:
    with STATES["editor"].reached(scene) as terminal:
        terminal.signal(ENDING[typed])
        terminal.press("saved", "enter")
        terminal.until(lambda: b"\x1b[?1049h" in terminal.output.partition(b"TOLD saved")[2])
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        scene.assert_in_order(terminal)


@pytest.mark.parametrize("moment", range(10))
def test_a_signal_at_any_moment_of_the_start_leaves_a_terminal_as_it_was(scene: Scene, moment: int) -> None:
    """Before anything has to be cleaned up, the system ends it; the journal is there to be opened in any case."""
    with scene.opened() as terminal:
        terminal.quiet(moment * 0.08, at_most=moment * 0.08)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() in (-signal.SIGTERM, 128 + signal.SIGTERM)
        scene.assert_restored(terminal)
        Journal.open(scene.journal).close()


def test_a_terminal_that_tells_of_its_size_gets_its_mouse_back(scene: Scene) -> None:
    scene.answers = {b"\x1b[?2048$p": b"\x1b[?2048;2$y"}
    with STATES["main screen"].reached(scene) as terminal:
        terminal.until(lambda: b"\x1b[?1016h" in terminal.output and b"\x1b[?2048h" in terminal.output)
        terminal.press("q")
        assert terminal.wait() == 0
        scene.assert_in_order(terminal)


def test_a_terminal_that_takes_nothing_does_not_hold_it_up(scene: Scene) -> None:
    with STATES["main screen"].reached(scene) as terminal:
        terminal.fill(b"\x0c" * 300)
        terminal.signal(signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
    Journal.open(scene.journal).close()


@LINUX
def test_the_servers_of_a_demo_that_is_killed_end_by_themselves(tmp_path: Path) -> None:
    with Terminal(tmp_path, DEMO) as terminal:
        terminal.until("● live")
        (servers,) = terminal.children
        end = os.pidfd_open(servers)
        terminal.signal(signal.SIGKILL)
        assert select.select([end], [], [], PATIENCE)[0]
        os.close(end)


def test_a_journal_whose_writer_is_killed_opens(scene: Scene) -> None:
    with STATES["main screen"].reached(scene) as terminal:
        terminal.signal(signal.SIGKILL)
        assert terminal.ended() == -signal.SIGKILL
        with Journal.open(scene.journal) as journal:
            assert len(journal) == len(scene.server.sim.log)


@pytest.mark.parametrize("ending", ["hang-up", "terminate"])
def test_a_demo_ends_with_its_servers(tmp_path: Path, ending: str) -> None:
    with Terminal(tmp_path, DEMO) as terminal:
        before = terminal.attributes
        terminal.until("● live")
        terminal.signal(ENDING[ending])
        assert terminal.wait() == 128 + ENDING[ending]
        assert terminal.is_empty
        assert (left(bytes(terminal.output)), terminal.attributes) == ({}, before)
        assert not list(tmp_path.iterdir())


@LINUX
def test_a_demo_whose_servers_were_killed_says_so_and_can_be_left(tmp_path: Path) -> None:
    with Terminal(tmp_path, DEMO) as terminal:
        terminal.until("● live")
        (servers,) = terminal.children
        os.kill(servers, signal.SIGKILL)
        terminal.press("r")
        terminal.until("offline")
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.is_empty
        assert left(bytes(terminal.output)) == {}


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-", "2>/dev/null"])
def test_without_a_terminal_it_does_not_begin(tmp_path: Path, redirection: str) -> None:
    with Terminal(tmp_path, ("/bin/sh", "-c", f'"$@" {redirection}', "sh", *DEMO)) as terminal:
        assert terminal.wait() == 2
        assert b"\x1b" not in terminal.output
        assert "the app needs a terminal" in terminal.text or redirection.startswith("2")
