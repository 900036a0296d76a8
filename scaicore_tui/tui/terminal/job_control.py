"""Job control: Ctrl-Z stops the app, and `fg` and `bg` continue it.

The handlers run on the event loop, not in the signal handler: they need locks that the interrupted code may hold.
"""

from __future__ import annotations

import asyncio
import os
import signal
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from textual.app import App

from scaicore_tui.signals import signal_handlers as signal_handlers

# How often an app that was continued in the background checks if it is in the foreground.
FOREGROUND_CHECK_S = 0.3
# After a stop, signals that arrived meanwhile are handled first: one of them may end the app.
CONTINUE_DELAY_S = 0.05


class Terminal(Protocol):
    """The terminal that is given back while the app is stopped."""

    fileno: int
    is_active: bool

    @property
    @abstractmethod
    def is_lent(self) -> bool:
        """True while the app has left the terminal to another program, such as an editor."""

    @abstractmethod
    def suspend_application_mode(self) -> None:
        """Give the terminal back."""

    @abstractmethod
    def resume_application_mode(self) -> None:
        """Take the terminal again."""


class JobControl:
    """Handles SIGTSTP and SIGCONT for one app in one terminal, until it is closed."""

    def __init__(self, terminal: Terminal, app: App[Any]) -> None:
        self._terminal = terminal
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._handle_on_loop(signal.SIGTSTP, self.stop)
        self._handle_on_loop(signal.SIGCONT, self.resume)

    def close(self) -> None:
        """Restore the default handlers."""
        self._cancel_timer()
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)

    def stop(self) -> None:
        """Stop this process until it is continued. Without a job-control shell, the system continues it at once."""
        if self._terminal.is_active:
            self._terminal.suspend_application_mode()
        with signal_handlers((signal.SIGTSTP, signal.SIGCONT), signal.SIG_DFL):
            # Process 0 is the whole group: if a script started the app, the shell waits for both to stop.
            os.kill(os.getpid() if self._terminal.is_lent else 0, signal.SIGTSTP)
        self._timer = self._loop.call_later(CONTINUE_DELAY_S, self.resume)

    def resume(self) -> None:
        """Take the terminal and draw all of the screen. In the background, wait for the foreground first."""
        self._cancel_timer()
        if self._terminal.is_lent or self._app._exit:
            return
        if not _is_in_foreground(self._terminal.fileno):
            self._timer = self._loop.call_later(FOREGROUND_CHECK_S, self.resume)
            return
        if self._terminal.is_active:
            # After SIGSTOP the terminal modes are unknown: reset them before resuming.
            self._terminal.suspend_application_mode()
        self._terminal.resume_application_mode()
        self._app.refresh()

    def _handle_on_loop(self, number: int, handler: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(handler))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _is_in_foreground(fd: int) -> bool:
    """Return True if this process group owns the terminal, or the terminal is gone."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True
