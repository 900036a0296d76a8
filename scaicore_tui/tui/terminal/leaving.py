"""The driver that leaves its terminal as it found it, however the app ends; where that is gone, the app ends too."""

from __future__ import annotations

import os
import signal
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable
from selectors import EVENT_READ, SelectSelector
from typing import Any, TextIO, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from scaicore_tui.clock import SystemClock
from scaicore_tui.tui.terminal.jobs import JobControl
from scaicore_tui.tui.terminal.parser import Parser

# What an app returns whose terminal is gone.
HUNG_UP = 128 + signal.SIGHUP
# What Textual leaves on: an update that is shown at once, a mouse that counts pixels.
LEFT_ON = "\x1b[?2026l\x1b[?1016l"
INPUT_SECONDS = 0.1


class LeavingDriver(LinuxDriver):
    """A terminal that is the app's for a while: not while another program has it, nor while the app is stopped."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.is_ours = False
        self._file = Outlet(cast("TextIO", self._file), self._lost)  # type: ignore[assignment]
        self._jobs = JobControl(self, app)
        self._clock = SystemClock()

    @property
    def is_lent(self) -> bool:
        """Whether the app gave it to another program, and takes it back by itself."""
        return not self._auto_restart

    def _get_terminal_size(self) -> tuple[int, int]:
        """Ask the terminal itself. Textual asks standard output, which may be a file, and believes `COLUMNS`."""
        try:
            size = os.get_terminal_size(self.fileno)
        except OSError:
            size = os.terminal_size((0, 0))
        return (size.columns, size.lines) if min(size) > 0 else super()._get_terminal_size()

    def write(self, data: str) -> None:
        """Write to the terminal, if it is ours."""
        if self.is_ours:
            super().write(data)

    def start_application_mode(self) -> None:
        """Take the terminal; in the background that does not succeed."""
        before, self.is_ours = self._writer_thread, True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.is_ours = self._writer_thread is not before

    def stop_application_mode(self) -> None:
        """Give it back, as it was."""
        if self.is_ours:
            self.write(LEFT_ON)
            super().stop_application_mode()
            self.is_ours = False

    def close(self) -> None:
        """Write all that is still to be written, and no more."""
        self.stop_application_mode()
        super().close()

    def leave(self) -> None:
        """Give it back for good, whatever went wrong before, and whoever had it."""
        self.close()
        self._jobs.close()
        if self.attrs_before is not None and os.isatty(self.fileno):
            termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)

    def run_input_thread(self) -> None:
        """Hand on what is typed. Bytes that are no text are no reason to end; an end of the input is one."""
        parser, decode = Parser(), getincrementaldecoder("utf-8")("surrogateescape").decode
        with SelectSelector() as selector:
            selector.register(self.fileno, EVENT_READ)
            while not self.exit_event.is_set():
                parser.reports_size = self._in_band_window_resize
                if selector.select(INPUT_SECONDS):
                    data = os.read(self.fileno, 4096)
                    if not data:
                        self._lost()
                        return
                    found = parser.feed(decode(data), self._clock.monotonic())
                else:
                    found = parser.tick(self._clock.monotonic())
                for message in found:
                    self.process_message(message)

    def _run_input_thread(self) -> None:
        """In place of Textual's: an error is told as any other."""
        try:
            self.run_input_thread()
        except OSError:
            self._lost()
        except Exception as error:  # noqa: BLE001  (it is raised again by whoever runs the app)
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)

    def _lost(self) -> None:
        """Nobody is there any more: end."""
        self._loop.call_soon_threadsafe(self._app.exit, HUNG_UP)


class Outlet:
    """Where a terminal's bytes go; nowhere, once it is gone, which is told once."""

    def __init__(self, file: TextIO, lost: Callable[[], None]) -> None:
        self._file = file
        self._lost = lost

    def fileno(self) -> int:
        """The descriptor below it."""
        return self._file.fileno()

    def write(self, text: str) -> None:
        """Write, or keep for the next flush."""
        self._reaching(lambda: self._file.write(text))

    def flush(self) -> None:
        """Write what was kept."""
        self._reaching(self._file.flush)

    def _reaching(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            self._lost()
