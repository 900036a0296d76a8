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

TIMEOUT_S = 45.0
DEBUGGER = (sys.executable, "-m", "scaicore_tui")
KEYS = {
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

# The session's leader gets the terminal that it opens first: signals of a resize reach it then, as on any terminal.
_SET_CONTROLLING_TERMINAL = ("/bin/sh", "-c", 'exec "$@" <"$0"')
_REPLIES = {
    b"\x1b[c": b"\x1b[?62;c",
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",
}
# Whoever runs it may have told Python not to keep what it compiled: what is installed is compiled.
_REMOVED_VARIABLES = (
    *("SCAICORE_", "SCAIGRID_", "SCAIVAULT_", "TEXTUAL", "XDG_", "NO_COLOR", "COLUMNS", "LINES", "TTY_"),
    "PYTHONDONTWRITEBYTECODE",
)


class Terminal:
    """Context manager: `command` on a terminal of `size`, with nothing of whoever runs it but the path.

    What the program asks the terminal is answered as usual, or with other `answers`.

    Everything waits for output, with a deadline; nothing waits for time to pass.
    """

    def __init__(
        self,
        home: Path,
        command: Sequence[str] = DEBUGGER,
        *,
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str] | None = None,
        answers: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self._replies = _REPLIES | dict(answers or {})
        self._command = command
        self._env = environment_for(home) | dict(env or {})
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._open = True
        self.output = bytearray()

    def __enter__(self) -> Self:
        self._fd, terminal = pty.openpty()
        self._set_size()
        os.set_blocking(self._fd, False)
        self._process = subprocess.Popen(
            [*_SET_CONTROLLING_TERMINAL, os.ttyname(terminal), *self._command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self._env,
            start_new_session=True,
        )
        os.close(terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def lines(self) -> list[str]:
        """What the screen shows, line by line. The second cell of a wide sign is empty."""
        rows, columns = range(self._screen.lines), range(self._screen.columns)
        return ["".join(self._screen.buffer[row][column].data for column in columns).rstrip() for row in rows]

    @property
    def text(self) -> str:
        """What the screen shows, as one text."""
        return "\n".join(self.lines)

    @property
    def cells(self) -> list[list[object]]:
        """What is to be seen, cell by cell: signs with their looks, and of blanks the ground."""
        rows, columns = range(self._screen.lines), range(self._screen.columns)
        return [[_visible_state(self._screen.buffer[row][column]) for column in columns] for row in rows]

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """The processes that the program started and that still run; where Linux tells."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    @property
    def has_no_processes(self) -> bool:
        """Whether no process is left of those that the program started."""
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    @property
    def attributes(self) -> list[object]:
        """How the terminal treats what is typed and written."""
        return list(termios.tcgetattr(self._fd))

    def colour(self, row: int, column: int) -> str:
        """The colour of a cell's sign, as six hexadecimal digits."""
        return str(self._screen.buffer[row][column].fg)

    def find_line(self, text: str) -> int | None:
        """The first line that begins with that sign."""
        rows = range(self._screen.lines)
        return next((row for row in rows if self._screen.buffer[row][0].data == text), None)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other; what is no name of a key is typed."""
        self.send("".join(KEYS.get(key, key) for key in keys).encode())

    def paste(self, text: str) -> None:
        """Paste, as terminals do where the program knows of pasting."""
        self.send(b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~")

    def send(self, data: bytes) -> None:
        """Write these bytes to the program, and read what it writes meanwhile."""
        deadline = time.monotonic() + TIMEOUT_S
        while data:
            _, writable, _ = select.select([], [self._fd], [], 0.05)
            data = data[os.write(self._fd, data) :] if writable else data
            self.pump(0)
            assert time.monotonic() < deadline, self._dump("it takes no input")

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        os.kill(self.pid, number)

    def send_unread(self, data: bytes) -> None:
        """Send this, take nothing of what it makes the program write, and return once that stopped writing."""
        os.write(self._fd, data)
        waiting, before = 0, -1
        while waiting != before:
            before = waiting
            select.select([], [], [], 0.5)
            waiting = int.from_bytes(fcntl.ioctl(self._fd, termios.FIONREAD, bytes(4)), sys.byteorder)

    def exit_code(self) -> int:
        """The exit code, without looking at what it writes."""
        return self._process.wait(TIMEOUT_S)

    def hang_up(self) -> int:
        """Go away, as a terminal does whose line was cut; the program's exit code."""
        os.close(self._fd)
        self._open, self._fd = False, os.open(os.devnull, os.O_RDWR)
        return self.exit_code()

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size."""
        self._screen.resize(rows, columns)
        self._set_size()

    def wait_until(self, condition: str | Callable[[], object], seconds: float = TIMEOUT_S) -> None:
        """Read until that text is on the screen, or that fact holds."""
        deadline = time.monotonic() + seconds
        while not (condition in self.text if isinstance(condition, str) else condition()):
            left = deadline - time.monotonic()
            if left <= 0 or not self._open:
                raise AssertionError(self._dump(f"{condition!r} never came to hold"))
            self.pump(min(left, 0.5))

    def pump(self, seconds: float) -> int:
        """Wait so long for output, and take what there is; returns how many bytes."""
        readable, _, _ = select.select([self._fd] if self._open else [], [], [], seconds)
        if not readable:
            return 0
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # what Linux says once nobody has the terminal open
            data = b""
        self._open = bool(data)
        self.output += data
        self._reply(len(data))
        self._stream.feed(data)
        return len(data)

    def wait_for_silence(self, seconds: float, at_most: float = TIMEOUT_S) -> int:
        """Read until nothing came for so long; returns how many bytes came before."""
        before, deadline = len(self.output), time.monotonic() + at_most
        while self.pump(seconds) and time.monotonic() < deadline:
            pass
        return len(self.output) - before

    def wait(self) -> int:
        """The exit code, once the program has ended."""
        self.wait_until(lambda: not self._open)
        return self._process.wait(TIMEOUT_S)

    def close(self) -> None:
        """End whatever is left of the program."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(TIMEOUT_S)
        os.close(self._fd)
        LEAKS.check(" ".join(self._command), bytes(self.output))

    def _reply(self, size: int) -> None:
        """Answer what the program asks the terminal, where the last `size` bytes complete a question."""
        for question, answer in self._replies.items():
            if size and question in self.output[-(size + len(question) - 1) :]:
                os.write(self._fd, answer)

    def _set_size(self) -> None:
        shape = struct.pack("HHHH", self._screen.lines, self._screen.columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, shape)

    def _dump(self, message: str) -> str:
        return f"{message}:\n{self.text}"


def _visible_state(cell: pyte.screens.Char) -> object:
    drawn_on = cell.reverse or cell.underscore or cell.strikethrough
    return cell if cell.data != " " or drawn_on else cell.bg


def environment_for(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_VARIABLES)}
    return kept | {"HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
