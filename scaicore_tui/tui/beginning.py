"""Begins what runs beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from textual.app import App
from textual.worker import Worker


def begin(
    app: App[int], work: Callable[[], Coroutine[None, None, None]], group: str, *, exclusive: bool = False
) -> Worker[None]:
    """Run `work` until it ends, or the app does; an `exclusive` one ends those of its group.

    It is given to be called: of work that an ending app never lets begin, nothing is left that was to be awaited.
    """
    return app.run_worker(work, group=group, exclusive=exclusive)
