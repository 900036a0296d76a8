"""Start the app in each of its states on a real terminal, socket and journal, and check what it leaves behind."""

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
from tests.support.terminal_modes import left
from tests.support.token_leaks import MARK

TOKEN = f"sgk_{MARK}"
HASTE = 0.4
SHELL = ("/bin/sh", "-i")
EDITOR = """
import shlex
import sys
print("EDITING", flush=True)
print("TOLD", sys.stdin.readline().strip(), flush=True)
"""


@dataclass
class Scene:
    """The app on a feed, in a home of its own, with the journal it keeps; by itself, or as the job of a shell."""

    home: Path
    server: FeedServer
    program: tuple[str, ...] = DEBUGGER
    in_shell: bool = False
    answers: dict[bytes, bytes] = field(default_factory=dict)
    before: list[object] = field(default_factory=list)

    @property
    def journal(self) -> Path:
        return self.home / "journal"

    @property
    def state(self) -> Path:
        """The folder of what outlives it."""
        return self.home / ".local" / "state" / "scaicore-tui"

    @contextmanager
    def opened(self) -> Iterator[Terminal]:
        """The app, from before it has the terminal."""
        (self.home / "temporary").mkdir()
        (self.home / "editor.py").write_text(EDITOR)
        settings = {
            "SCAICORE_TUI_URL": self.server.url,
            "SCAICORE_TUI_TOKEN": TOKEN,
            "EDITOR": f"{sys.executable} {self.home / 'editor.py'}",
            "ENV": "",
            "TMPDIR": str(self.home / "temporary"),
        }
        command = (*self.program, "--journal", str(self.journal))
        with Terminal(self.home, SHELL if self.in_shell else command, env=settings, answers=self.answers) as terminal:
            self.before = terminal.attributes
            if self.in_shell:
                terminal.press(shlex.join(command), "enter")
            yield terminal

    def assert_restored(self, terminal: Terminal) -> None:
        """Nothing of the terminal is other than it was."""
        assert left(bytes(terminal.output)) == {}
        assert terminal.attributes == self.before

    def assert_in_order(self, terminal: Terminal) -> None:
        """Look at all that it could have left behind."""
        self.assert_restored(terminal)
        self.assert_closed(terminal)

    def assert_closed(self, terminal: Terminal) -> None:
        """The same, where no terminal is left to be looked at."""
        assert terminal.is_empty
        assert not list((self.home / "temporary").iterdir())
        assert not list(self.home.glob("journal-*"))
        assert not list(self.state.glob("crash-*"))
        with Journal.open(self.journal) as journal:
            assert journal.query("PRAGMA integrity_check") == [("ok",)]
            list(journal.events())


def connecting(scene: Scene, terminal: Terminal) -> None:
    terminal.until(lambda: scene.server.held)
    terminal.until("connecting")


def main_screen(_scene: Scene, terminal: Terminal) -> None:
    terminal.until(lambda: all(words in terminal.text for words in ("› ● exec_8f21c4", "› ‖ expense", "› ● reply")))


def dialog(scene: Scene, terminal: Terminal) -> None:
    main_screen(scene, terminal)
    terminal.press("a")
    terminal.until("nothing is chosen yet")


def editor(scene: Scene, terminal: Terminal) -> None:
    main_screen(scene, terminal)
    terminal.press("R")
    terminal.until("enter invokes")
    terminal.press("o")
    terminal.until(lambda: b"EDITING" in terminal.output)


def paused(scene: Scene, terminal: Terminal) -> None:
    main_screen(scene, terminal)
    terminal.press("p")
    terminal.until("paused")


def writing(scene: Scene, terminal: Terminal) -> None:
    main_screen(scene, terminal)
    terminal.press("R")
    terminal.until("enter invokes")
    terminal.quiet(HASTE)
    terminal.press("enter")
    terminal.until(lambda: scene.server.held)


def catching_up(_scene: Scene, terminal: Terminal) -> None:
    terminal.until("catching up")


def far_behind(scene: Scene) -> None:
    """What is known ends long before what the feed's newest page holds."""
    with Journal.open(scene.journal) as journal:
        journal.append(scene.server.sim.log)
    for number in range(400):
        scene.server.sim.log += completed_triage(f"exec_{number:06x}", 100 + number)


def nothing(_scene: Scene) -> None:
    """Nothing has to be there before."""


@dataclass(frozen=True)
class State:
    """What the app does when it is ended: how it comes to that, and which requests stay without an answer."""

    reach: Callable[[Scene, Terminal], None]
    holds: Callable[[httpx.Request], bool] = lambda _: False
    prepare: Callable[[Scene], None] = nothing

    @contextmanager
    def reached(self, scene: Scene) -> Iterator[Terminal]:
        scene.server.holds = self.holds
        self.prepare(scene)
        with scene.opened() as terminal:
            self.reach(scene, terminal)
            yield terminal


STATES = {
    "connecting": State(connecting, holds=lambda _: True),
    "main screen": State(main_screen),
    "dialog": State(dialog),
    "editor": State(editor),
    "paused": State(paused),
    "writing": State(writing, holds=lambda request: request.method == "POST"),
    "catching up": State(catching_up, holds=lambda request: "cursor" in request.url.params, prepare=far_behind),
}
