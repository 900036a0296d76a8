"""Drivers for POSIX terminals. `RestoringDriver` leaves the terminal as it was; `DiffDriver` also knows its contents.

Imported only if Textual has all that they use (see `capabilities`).
"""

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
from scaicore_tui.tui.terminal.cells import SGR_RESET
from scaicore_tui.tui.terminal.escape_filter import filter_escapes
from scaicore_tui.tui.terminal.input import InputParser
from scaicore_tui.tui.terminal.job_control import JobControl
from scaicore_tui.tui.terminal.screen_buffer import ScreenBuffer

# The exit code when the terminal is gone.
HANGUP_EXIT_CODE = 128 + signal.SIGHUP
# Modes that Textual sets and does not reset: synchronized output, mouse positions in pixels.
RESET_MODES = "\x1b[?2026l\x1b[?1016l"
# How often the input thread checks for its end, and for an ESC key that is not followed by anything.
INPUT_TIMEOUT_S = 0.1
_READ_BYTES = 4096


class RestoringDriver(LinuxDriver):
    """A driver that restores the terminal however the app ends, and ends the app if the terminal is gone.

    The terminal is active between `start_application_mode` and `stop_application_mode`: not while another program
    uses it, and not while the app is stopped.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.is_active = False
        self._file = HangupSafeFile(cast("TextIO", self._file), self._on_hangup)  # type: ignore[assignment]
        self._job_control = JobControl(self, app)
        self._clock = SystemClock()

    @property
    def is_lent(self) -> bool:
        """True while the app has left the terminal to another program, and takes it back by itself."""
        return not self._auto_restart

    def _get_terminal_size(self) -> tuple[int, int]:
        """Return columns and rows. Textual reads `COLUMNS` and standard output, which may be a file."""
        try:
            size = os.get_terminal_size(self.fileno)
        except OSError:
            size = os.terminal_size((0, 0))
        return (size.columns, size.lines) if min(size) > 0 else super()._get_terminal_size()

    def write(self, data: str) -> None:
        """Write to the terminal if it is active."""
        if self.is_active:
            super().write(data)

    def start_application_mode(self) -> None:
        """Take the terminal. In the background Textual gives up without a word: then it stays inactive."""
        before, self.is_active = self._writer_thread, True
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.is_active = self._writer_thread is not before

    def stop_application_mode(self) -> None:
        """Restore the terminal."""
        if self.is_active:
            self.write(RESET_MODES)
            super().stop_application_mode()
            self.is_active = False

    def close(self) -> None:
        """Restore the terminal, and write what is still queued."""
        self.stop_application_mode()
        super().close()

    def restore(self) -> None:
        """Restore the terminal for good, whatever state the app is in. May be called twice."""
        self.close()
        self._job_control.close()
        if self.attrs_before is not None and os.isatty(self.fileno):
            termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)

    def run_input_thread(self) -> None:
        """Read input and post it as messages until the app ends. Invalid UTF-8 is accepted; end of file ends it."""
        parser, decode = InputParser(), getincrementaldecoder("utf-8")("surrogateescape").decode
        with SelectSelector() as selector:
            selector.register(self.fileno, EVENT_READ)
            while not self.exit_event.is_set():
                parser.reports_size = self._in_band_window_resize
                if selector.select(INPUT_TIMEOUT_S):
                    data = os.read(self.fileno, _READ_BYTES)
                    if not data:
                        self._on_hangup()
                        return
                    messages = parser.feed(decode(data), self._clock.monotonic())
                else:
                    messages = parser.tick(self._clock.monotonic())
                for message in messages:
                    self.process_message(message)

    def _run_input_thread(self) -> None:
        """Run the input thread. An error is handled like any other of the app; Textual would print it."""
        try:
            self.run_input_thread()
        except OSError:
            self._on_hangup()
        except Exception as error:  # noqa: BLE001  (raised again by `run_app`)
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)

    def _on_hangup(self) -> None:
        """End the app."""
        self._loop.call_soon_threadsafe(self._app.exit, HANGUP_EXIT_CODE)


class DiffDriver(RestoringDriver):
    """A driver that keeps the contents of its screen, and writes no escape sequences but ours."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.buffer = ScreenBuffer()

    def write(self, data: str) -> None:
        """Write the permitted part of `data`. All output passes through here, also Textual's own."""
        super().write(filter_escapes(data))

    def start_application_mode(self) -> None:
        """Take the terminal, also after another program used it."""
        self.buffer.forget()
        super().start_application_mode()

    def stop_application_mode(self) -> None:
        """Restore the terminal and its colours, also before another program uses it."""
        self.buffer.forget()
        self.write(SGR_RESET)
        super().stop_application_mode()


class HangupSafeFile:
    """A terminal's output file. Once the terminal is gone, it calls `on_hangup` and discards what is written."""

    def __init__(self, file: TextIO, on_hangup: Callable[[], None]) -> None:
        self._file = file
        self._on_hangup = on_hangup

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._file.fileno()

    def write(self, text: str) -> None:
        """Write to the buffer of the file."""
        self._guarded(lambda: self._file.write(text))

    def flush(self) -> None:
        """Write the buffer to the terminal."""
        self._guarded(self._file.flush)

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            self._on_hangup()
