"""What a server says while it serves: written off the event loop, and no report of a crash for what is none."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# `crash` is loaded now: once no descriptor is left, it could not be loaded to tell of a fault.
from scaicore_tui.cli import crash, diagnostics  # noqa: F401
from scaicore_tui.clock import Clock, SystemClock

# What the system says where it has no descriptors or no memory left for a connection.
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
# Seconds between two notices: meanwhile asyncio says the same many times a second.
NOTICE_SECONDS = 60.0


@contextmanager
def background_log() -> Iterator[None]:
    """Write standard error from a thread meanwhile, and all that is logged there too."""
    handler = _Handler(logging.WARNING)
    if logging.lastResort is not None:
        handler.setFormatter(logging.lastResort.formatter)
    root = logging.getLogger()
    with diagnostics.in_background():
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


def notice_exhaustion(clock: Clock = SystemClock()) -> None:  # noqa: B008  (it has no state)
    """From now on say so where connections can't be accepted for want of descriptors: no mistake of the program.

    As long as the loop runs, and so for longer than the server: asyncio tries again a second later, whatever happened.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    due = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal due
        error = context.get("exception")
        if _is_late_retry(error, context):
            return
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
            (before or type(loop).default_exception_handler)(loop, context)
        elif clock.monotonic() >= due:
            due = clock.monotonic() + NOTICE_SECONDS
            diagnostics.warn(
                f"scaicore-tui: {error.strerror}: new connections wait until others close · "
                "raise the limit of open files (ulimit -n, LimitNOFILE), or lower --connections"
            )

    loop.set_exception_handler(handle)


def _is_late_retry(error: object, context: dict[str, Any]) -> bool:
    """Whether asyncio tried to accept again, and found the socket closed meanwhile."""
    return isinstance(error, ValueError) and "_start_serving" in str(context.get("message"))


class _Handler(logging.Handler):
    """Hands what is logged to the one writer of standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (a request must not fail because of what is said of it)
            text = f"{record.name}: {record.levelname.lower()}, and its details could not be written"
        diagnostics.warn(text)
