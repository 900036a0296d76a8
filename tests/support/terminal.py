"""A pseudo-terminal that runs a program; pyte reads its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from tests.support.token_leaks import LEAKS
from tests.support.warm_program import Running, warm_app_server

TIMEOUT_S = 45.0
DEBUGGER = (sys.executable, "-m", "scaicore_tui")
KEYS = {
    "shift+tab": "\x1b[Z",
    "enter": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "down": "\x1b[B",
    "up": "\x1b[A",
    "pagedown": "\x1b[6~",
    "space": " ",
    "ctrl+l": "\x0c",
    "ctrl+p": "\x10",
    "ctrl+t": "\x14",
    "ctrl+y": "\x19",
}

# A session leader gets the first terminal that it opens as controlling terminal; only then it receives SIGWINCH.
_SET_CONTROLLING_TERMINAL = ("/bin/sh", "-c", 'exec "$@" <"$0"')
_REPLIES = {
    b"\x1b[c": b"\x1b[?62;c",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",
}
# PYTHONDONTWRITEBYTECODE would slow down each start: an installed program is compiled.
_REMOVED_VARIABLES = (
    *("SCAICORE_", "SCAIGRID_", "SCAIVAULT_", "TEXTUAL", "XDG_", "NO_COLOR", "COLUMNS", "LINES", "TTY_"),
    "PYTHONDONTWRITEBYTECODE",
)


class Terminal:
    """Context manager: `command` on a terminal of `size`, without the environment variables of the tests.

    `warm` forks the program, `DEBUGGER` with arguments, from a process that has its modules loaded.
    Queries to the terminal are answered like xterm does, or by `answers`. All methods wait for output, with a deadline;
    none waits for a fixed time.
    """

    def __init__(
        self,
        home: Path,
        command: Sequence[str] = DEBUGGER,
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        answers: Mapping[bytes, bytes] | None = None,
        warm: bool = False,
    ) -> None:
        self._replies = _REPLIES | dict(answers or {})
        self._command = command
        self._env = environment_for(home) | dict(env or {})
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._open = True
        self._warm = warm and warm_app_server().can_run(self._env)
        self.output = bytearray()

    def __enter__(self) -> Self:
        self._fd, terminal = pty.openpty()
        self._set_size()
        os.set_blocking(self._fd, False)
        self._process = self._start_warm(terminal) if self._warm else self._start(terminal)
        os.close(terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def lines(self) -> list[str]:
        """The lines of the screen. The second cell of a wide character is empty."""
        rows, columns = range(self._screen.lines), range(self._screen.columns)
        return ["".join(self._screen.buffer[row][column].data for column in columns).rstrip() for row in rows]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    @property
    def cells(self) -> list[list[object]]:
        """The visible state of each cell: character and style, for blanks only the background."""
        rows, columns = range(self._screen.lines), range(self._screen.columns)
        return [[_visible_state(self._screen.buffer[row][column]) for column in columns] for row in rows]

    @property
    def pid(self) -> int:
        """The process id of the program."""
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """The ids of running child processes. Linux only."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    @property
    def has_no_processes(self) -> bool:
        """True if no process of the program's process group is left."""
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    @property
    def attributes(self) -> list[object]:
        """The terminal attributes (termios)."""
        return list(termios.tcgetattr(self._fd))

    def colour(self, row: int, column: int) -> str:
        """Return the foreground colour of a cell as six hexadecimal digits."""
        return str(self._screen.buffer[row][column].fg)

    def find_line(self, text: str) -> int | None:
        """Return the number of the first line that begins with the character `text`, or None."""
        rows = range(self._screen.lines)
        return next((row for row in rows if self._screen.buffer[row][0].data == text), None)

    def press(self, *keys: str) -> None:
        """Press keys in turn; text that is not the name of a key is typed."""
        self.send("".join(KEYS.get(key, key) for key in keys).encode())

    def paste(self, text: str) -> None:
        """Paste with bracketed paste."""
        self.send(b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~")

    def send(self, data: bytes) -> None:
        """Send these bytes to the program, and read its output meanwhile."""
        deadline = time.monotonic() + TIMEOUT_S
        while data:
            _, writable, _ = select.select([], [self._fd], [], 0.05)
            data = data[os.write(self._fd, data) :] if writable else data
            self.pump(0)
            assert time.monotonic() < deadline, self._dump("the program reads no input")

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        os.kill(self.pid, number)

    def send_unread(self, data: bytes) -> None:
        """Send `data` without reading the output; return once the program has stopped writing."""
        os.write(self._fd, data)
        unread, before = 0, -1
        while unread != before:
            before = unread
            select.select([], [], [], 0.5)
            unread = int.from_bytes(fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4)), sys.byteorder)

    def exit_code(self) -> int:
        """Wait for the program without reading its output, and return the exit code."""
        return self._process.wait(TIMEOUT_S)

    def hang_up(self) -> int:
        """Close the terminal, as a lost connection does, and return the program's exit code."""
        os.close(self._fd)
        self._open, self._fd = False, os.open(os.devnull, os.O_RDWR)
        return self.exit_code()

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self._screen.resize(rows, columns)
        self._set_size()

    def wait_until(self, condition: str | Callable[[], object], seconds: float = TIMEOUT_S) -> None:
        """Read until `condition` is on the screen (a text) or is true (a function)."""
        deadline = time.monotonic() + seconds
        while not (condition in self.text if isinstance(condition, str) else condition()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._open:
                raise AssertionError(self._dump(f"{condition!r} was not met"))
            self.pump(min(left, 0.5))

    def pump(self, seconds: float) -> int:
        """Wait up to `seconds` for output, read it, and return the number of bytes."""
        readable, _, _ = select.select([self._fd] if self._open else [], [], [], seconds)
        if not readable:
            return 0
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # Linux raises this once no process has the terminal open
            data = b""
        self._open = bool(data)
        self.output += data
        self._reply(len(data))
        self._stream.feed(data)
        return len(data)

    def wait_for_silence(self, seconds: float, at_most: float = TIMEOUT_S) -> int:
        """Read until there is no output for `seconds`; return the number of bytes read."""
        before, deadline = len(self.output), time.monotonic() + at_most
        while self.pump(seconds) and time.monotonic() < deadline:
            pass
        return len(self.output) - before

    def wait(self) -> int:
        """Read until the program ends, and return its exit code."""
        self.wait_until(lambda: not self._open)
        return self._process.wait(TIMEOUT_S)

    def close(self) -> None:
        """Kill the program if it still runs, and close the terminal."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(TIMEOUT_S)
        os.close(self._fd)
        LEAKS.check(" ".join(self._command), bytes(self.output))

    def _start(self, terminal: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_SET_CONTROLLING_TERMINAL, os.ttyname(terminal), *self._command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self._env,
            start_new_session=True,
        )

    def _start_warm(self, terminal: int) -> Running:
        program, arguments = self._command[: len(DEBUGGER)], self._command[len(DEBUGGER) :]
        assert tuple(program) == DEBUGGER, "another program needs an interpreter of its own"
        return warm_app_server().start(arguments, self._env, (terminal, terminal, terminal), in_session=True)

    def _reply(self, size: int) -> None:
        """Reply to each query that the last `size` bytes of output complete."""
        for query, answer in self._replies.items():
            if size and query in self.output[-(size + len(query) - 1) :]:
                os.write(self._fd, answer)

    def _set_size(self) -> None:
        shape = struct.pack("HHHH", self._screen.lines, self._screen.columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, shape)

    def _dump(self, message: str) -> str:
        return f"{message}:\n{self.text}"


def _visible_state(cell: pyte.screens.Char) -> object:
    is_drawn = cell.reverse or cell.underscore or cell.strikethrough
    return cell if cell.data != " " or is_drawn else cell.bg


def environment_for(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_VARIABLES)}
    return kept | {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
