"""Job control: the app stops and goes on as the jobs of a shell do.

On the event loop: a handler may be called while the locks are held that it would need.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, Protocol

from textual.app import App

from scaicore_tui.signals import handled

# So often somebody who goes on in the background looks whether it has the terminal again.
BACKGROUND_SECONDS = 0.3
MOMENT = 0.05


class Terminal(Protocol):
    """What is given back while the app is stopped."""

    fileno: int
    is_ours: bool

    @property
    def is_lent(self) -> bool:
        """Whether another program has it, and the app takes it back by itself."""

    def suspend_application_mode(self) -> None:
        """Give it back."""

    def resume_application_mode(self) -> None:
        """Take it."""


class JobControl:
    """Of one app in one terminal, from when it is made until it is closed."""

    def __init__(self, terminal: Terminal, app: App[Any]) -> None:
        self._terminal = terminal
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._heed(signal.SIGTSTP, self.stop)
        self._heed(signal.SIGCONT, self.go_on)

    def close(self) -> None:
        """Leave it to the system again."""
        self._wait_no_more()
        for number in (signal.SIGTSTP, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)

    def stop(self) -> None:
        """Stop here, until somebody lets it go on; without a shell that could, the system lets it go on at once."""
        if self._terminal.is_ours:
            self._terminal.suspend_application_mode()
        with handled((signal.SIGTSTP, signal.SIGCONT), signal.SIG_DFL):
            # With whoever started it, a script say: the shell waits for all of them.
            os.kill(os.getpid() if self._terminal.is_lent else 0, signal.SIGTSTP)
        # What was sent meanwhile comes first: it may have been told to end.
        self._again = self._loop.call_later(MOMENT, self.go_on)

    def go_on(self) -> None:
        """Paint all anew: others had the terminal. In the background, wait until it is ours again."""
        self._wait_no_more()
        if self._terminal.is_lent or self._app._exit:
            return
        if not _is_in_front(self._terminal.fileno):
            self._again = self._loop.call_later(BACKGROUND_SECONDS, self.go_on)
            return
        if self._terminal.is_ours:
            # Stopped by a signal that nobody is told of: what it found on is off, or not, who knows.
            self._terminal.suspend_application_mode()
        self._terminal.resume_application_mode()
        self._app.refresh()

    def _heed(self, number: int, act: Callable[[], None]) -> None:
        signal.signal(number, lambda *_: self._loop.call_soon_threadsafe(act))

    def _wait_no_more(self) -> None:
        if self._again is not None:
            self._again.cancel()


def _is_in_front(terminal: int) -> bool:
    """Whether the terminal is this job's; one that is gone keeps nobody waiting."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True
