"""Start the app in each of its states on a real terminal, socket and journal, and check that it ends cleanly."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from scaicore_tui.store import Journal
from tests.support.feed_server import FeedServer
from tests.support.scene import completed_triage
from tests.support.terminal import DEBUGGER, Terminal
from tests.support.terminal_modes import changed_modes
from tests.support.token_leaks import MARK

TOKEN = f"sgk_{MARK}"
CONFIRM_DELAY_S = 0.4
SHELL = ("/bin/sh", "-i")
PROMPT = "shell> "
LEAVE_SCREEN = b"\x1b[?1049l"
EDITOR = """
import shlex
import sys
print("EDITING", flush=True)
print("INPUT", sys.stdin.readline().strip(), flush=True)
"""


@dataclass
class AppProcess:
    """The app on a feed, with its own home folder and journal; started directly, or as a job of a shell.

    `warm` forks it from a process that has its modules loaded.
    """

    home: Path
    server: FeedServer
    program: tuple[str, ...] = DEBUGGER
    in_shell: bool = False
    warm: bool = True
    answers: dict[bytes, bytes] = field(default_factory=dict)
    before: list[object] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.home / "journal"

    @property
    def state_folder(self) -> Path:
        """The state folder of the app."""
        return self.home / ".local" / "state" / "scaicore-tui"

    @contextmanager
    def start(self) -> Iterator[Terminal]:
        """Start the app on a terminal; yield at once."""
        (self.home / "temporary").mkdir()
        (self.home / "editor.py").write_text(EDITOR)
        settings = {
            "SCAICORE_TUI_URL": self.server.url,
            "SCAICORE_TUI_TOKEN": TOKEN,
            "EDITOR": f"{sys.executable} {self.home / 'editor.py'}",
            "ENV": "",
            "PS1": PROMPT,
            "TMPDIR": str(self.home / "temporary"),
        }
        command = (*self.program, "--journal", str(self.journal))
        warm = self.warm and self.program == DEBUGGER and not self.in_shell
        started = SHELL if self.in_shell else command
        with Terminal(self.home, started, env=settings, answers=self.answers, warm=warm) as terminal:
            self.before = terminal.attributes
            if self.in_shell:
                terminal.press(shlex.join(command), "enter")
            yield terminal

    def wait_for_prompt(self, terminal: Terminal, start: int) -> None:
        """Wait until the app has left the screen and the shell shows its prompt, both after byte `start` of the output.

        Input typed earlier is lost: the app discards what it has not read when it ends, as all full-screen programs do.
        """
        terminal.wait_until(lambda: PROMPT.encode() in terminal.output[start:].partition(LEAVE_SCREEN)[2])

    def assert_restored(self, terminal: Terminal) -> None:
        """Check that all terminal modes and attributes are restored."""
        assert changed_modes(bytes(terminal.output)) == {}
        assert terminal.attributes == self.before

    def assert_clean(self, terminal: Terminal) -> None:
        """Check terminal, processes and files once the app has ended."""
        self.assert_restored(terminal)
        self.assert_closed(terminal)

    def assert_closed(self, terminal: Terminal) -> None:
        """Check that no process and no temporary file is left, and that the journal is intact."""
        assert terminal.has_no_processes
        assert not list((self.home / "temporary").iterdir())
        assert not list(self.home.glob("journal-*"))
        assert not list(self.state_folder.glob("crash-*"))
        with Journal.open(self.journal) as journal:
            assert journal.query("PRAGMA integrity_check") == [("ok",)]
            list(journal.events())


def connecting(app: AppProcess, terminal: Terminal) -> None:
    terminal.wait_until(lambda: app.server.held)
    terminal.wait_until("connecting")


def main_screen(_app: AppProcess, terminal: Terminal) -> None:
    terminal.wait_until(
        lambda: all(text in terminal.text for text in ("exec_8f21c4  running", "Waiting 2", "› ● reply"))
    )


def dialog(app: AppProcess, terminal: Terminal) -> None:
    main_screen(app, terminal)
    terminal.press("a")
    terminal.wait_until("nothing is chosen yet")


def editor(app: AppProcess, terminal: Terminal) -> None:
    main_screen(app, terminal)
    terminal.press("R")
    terminal.wait_until("enter invokes")
    terminal.press("o")
    terminal.wait_until(lambda: b"EDITING" in terminal.output)


def paused(app: AppProcess, terminal: Terminal) -> None:
    main_screen(app, terminal)
    terminal.press("p")
    terminal.wait_until("paused")


def writing(app: AppProcess, terminal: Terminal) -> None:
    main_screen(app, terminal)
    terminal.press("R")
    terminal.wait_until("enter invokes")
    terminal.wait_for_silence(CONFIRM_DELAY_S)
    terminal.press("enter")
    terminal.wait_until(lambda: app.server.held)


def backfilling(_app: AppProcess, terminal: Terminal) -> None:
    terminal.wait_until("catching up")


def prepare_large_gap(app: AppProcess) -> None:
    """Create a journal that ends long before the newest page of the feed."""
    with Journal.open(app.journal) as journal:
        journal.append(app.server.sim.log)
    for number in range(400):
        app.server.sim.log += completed_triage(f"exec_{number:06x}", 100 + number)


def prepare_nothing(_app: AppProcess) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class AppState:
    """A state of the app: how to reach it, which requests get no response, and what to prepare."""

    reach: Callable[[AppProcess, Terminal], None]
    holds: Callable[[httpx.Request], bool] = lambda _: False
    prepare: Callable[[AppProcess], None] = prepare_nothing

    @contextmanager
    def start(self, app: AppProcess) -> Iterator[Terminal]:
        app.server.holds = self.holds
        self.prepare(app)
        with app.start() as terminal:
            self.reach(app, terminal)
            yield terminal


STATES = {
    "connecting": AppState(connecting, holds=lambda _: True),
    "main screen": AppState(main_screen),
    "dialog": AppState(dialog),
    "editor": AppState(editor),
    "paused": AppState(paused),
    "writing": AppState(writing, holds=lambda request: request.method == "POST"),
    "catching up": AppState(
        backfilling, holds=lambda request: "cursor" in request.url.params, prepare=prepare_large_gap
    ),
}
