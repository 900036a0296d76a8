"""Temporary signal handlers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


@contextmanager
def signal_handlers(numbers: Iterable[int], handler: Handler) -> Iterator[None]:
    """Handle the signals `numbers` with `handler` inside this context; restore the earlier handlers at its end."""
    earlier = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in earlier.items():
            signal.signal(number, previous)
