"""Every way to end the app, in every state: the terminal is restored, the journal closed, and no process is left."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from scaicore_tui.actions import Ledger, Progress
from scaicore_tui.store import Journal
from tests.support.app_states import STATES, AppProcess
from tests.support.terminal import DEBUGGER, Terminal
from tests.support.terminal_modes import changed_modes, output_after_screen

DEMO = (*DEBUGGER, "demo", "--seed", "7")

UNKNOWN = b"1 write has an unknown outcome: the next start of the app looks it up; scaicore-tui ledger lists it"
ENDING = {"hang-up": signal.SIGHUP, "interrupt": signal.SIGINT, "quit": signal.SIGQUIT, "terminate": signal.SIGTERM}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to find the servers")
TIMEOUT_S = 30
# The signals that a terminal sends for a key.
TYPED = ("interrupt", "quit")


@pytest.mark.parametrize(
    ("state", "ending"),
    [(state, ending) for state in STATES for ending in ENDING if state != "editor" or ending not in TYPED],
)
def test_signal_ends_the_app_cleanly(scene: AppProcess, state: str, ending: str) -> None:
    with STATES[state].start(scene) as terminal:
        terminal.signal(ENDING[ending])
        assert terminal.wait() == 128 + ENDING[ending]
        scene.assert_clean(terminal)
        printed = output_after_screen(bytes(terminal.output)).replace(b"EDITING", b"").strip()
        assert printed == (UNKNOWN if state == "writing" else b"")
    if state == "writing":
        assert_unknown(scene)


@pytest.mark.parametrize("state", STATES)
def test_closed_terminal_ends_the_app(scene: AppProcess, state: str) -> None:
    with STATES[state].start(scene) as terminal:
        assert terminal.hang_up() == 128 + signal.SIGHUP
        scene.assert_closed(terminal)
    if state == "writing":
        assert_unknown(scene)


def assert_unknown(scene: AppProcess) -> None:
    """Check that the ledger contains the write, so that the next start can look it up."""
    (entry,) = Ledger(scene.state_folder / "ledger.jsonl").entries()
    assert entry.progress is Progress.UNKNOWN


@pytest.mark.parametrize("typed", TYPED)
def test_interrupt_keys_go_to_the_editor(scene: AppProcess, typed: str) -> None:
    with STATES["editor"].start(scene) as terminal:
        terminal.signal(ENDING[typed])
        terminal.press("saved", "enter")
        terminal.wait_until(lambda: b"\x1b[?1049h" in terminal.output.partition(b"INPUT saved")[2])
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        scene.assert_clean(terminal)


@pytest.mark.parametrize("moment", range(10))
def test_signal_at_any_moment_of_the_start_restores_the_terminal(scene: AppProcess, moment: int) -> None:
    """Early in the start, the signal's default action ends the process. The journal can be opened in any case."""
    scene.warm = False
    with scene.start() as terminal:
        terminal.wait_for_silence(moment * 0.08, at_most=moment * 0.08)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait() in (-signal.SIGTERM, 128 + signal.SIGTERM)
        scene.assert_restored(terminal)
        Journal.open(scene.journal).close()


def test_mouse_is_restored_on_a_terminal_with_in_band_resize(scene: AppProcess) -> None:
    scene.answers = {b"\x1b[?2048$p": b"\x1b[?2048;2$y"}
    with STATES["main screen"].start(scene) as terminal:
        terminal.wait_until(lambda: b"\x1b[?1016h" in terminal.output and b"\x1b[?2048h" in terminal.output)
        terminal.press("q")
        assert terminal.wait() == 0
        scene.assert_clean(terminal)


def test_blocked_terminal_does_not_delay_the_exit(scene: AppProcess) -> None:
    with STATES["main screen"].start(scene) as terminal:
        terminal.send_unread(b"\x0c" * 300)
        terminal.signal(signal.SIGTERM)
        assert terminal.exit_code() == 128 + signal.SIGTERM
    Journal.open(scene.journal).close()


@LINUX
def test_servers_of_a_killed_demo_end(tmp_path: Path) -> None:
    with Terminal(tmp_path, DEMO, warm=True) as terminal:
        terminal.wait_until("● live")
        (servers,) = terminal.children
        process = os.pidfd_open(servers)
        terminal.signal(signal.SIGKILL)
        assert select.select([process], [], [], TIMEOUT_S)[0]
        os.close(process)


def test_journal_opens_after_its_writer_was_killed(scene: AppProcess) -> None:
    with STATES["main screen"].start(scene) as terminal:
        terminal.signal(signal.SIGKILL)
        assert terminal.exit_code() == -signal.SIGKILL
        with Journal.open(scene.journal) as journal:
            assert len(journal) == len(scene.server.sim.log)


@pytest.mark.parametrize("ending", ["hang-up", "terminate"])
def test_demo_ends_its_servers(tmp_path: Path, ending: str) -> None:
    with Terminal(tmp_path, DEMO, warm=True) as terminal:
        before = terminal.attributes
        terminal.wait_until("● live")
        terminal.signal(ENDING[ending])
        assert terminal.wait() == 128 + ENDING[ending]
        assert terminal.has_no_processes
        assert (changed_modes(bytes(terminal.output)), terminal.attributes) == ({}, before)
        assert not list(tmp_path.iterdir())


@LINUX
def test_demo_with_killed_servers_reports_it_and_can_be_closed(tmp_path: Path) -> None:
    with Terminal(tmp_path, DEMO, warm=True) as terminal:
        terminal.wait_until("● live")
        (servers,) = terminal.children
        os.kill(servers, signal.SIGKILL)
        terminal.press("r")
        terminal.wait_until("offline")
        terminal.press("q")
        assert terminal.wait() == 0
        assert terminal.has_no_processes
        assert changed_modes(bytes(terminal.output)) == {}


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-", "2>/dev/null"])
def test_app_does_not_start_without_a_terminal(tmp_path: Path, redirection: str) -> None:
    with Terminal(tmp_path, ("/bin/sh", "-c", f'"$@" {redirection}', "sh", *DEMO)) as terminal:
        assert terminal.wait() == 2
        assert b"\x1b" not in terminal.output
        assert "the app needs a terminal" in terminal.text or redirection.startswith("2")
