"""Makes the pictures of a run: short ones at once, so that nothing flashes; long ones in a thread.

While a picture is made, the one before it stays on the screen. One is made at a time, and the newest request wins.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.analysis.run_history import copy_run
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run
from scaicore_tui.tui.newest_work import NewestWork, Work
from scaicore_tui.tui.run_picture import (
    MAX_EVENTS_AT_ONCE,
    MAX_VISITS_AT_ONCE,
    RunPicture,
    build_newest,
    build_past,
    build_picture,
)
from scaicore_tui.tui.time_cursor import TimeCursor

# The group of the workers that make pictures.
STEPS_GROUP = "steps"


class PictureLoader:
    """Makes pictures and gives each to `show`, the newest last. `start` runs a coroutine function."""

    def __init__(
        self, start: Callable[[Callable[[], Coroutine[Any, Any, None]]], object], show: Callable[[RunPicture], None]
    ) -> None:
        self._work: NewestWork[tuple[int, RunPicture]] = NewestWork(start, self._on_done)
        self._show = show
        self._requested = 0
        # The number of the newest request whose picture was shown, or that replaced older ones.
        self._shown = 0

    @property
    def is_waiting(self) -> bool:
        """True if a picture is still to come."""
        return self._work.is_waiting

    def reset(self) -> None:
        """Forget what was requested: another run is shown."""
        self._work.cancel()
        self._shown = self._requested

    def load_run(self, run: Run, flow: FlowView | None, *, is_complete: bool) -> None:
        """Show a run as it is now."""
        if run.visit_count <= MAX_VISITS_AT_ONCE:
            self._show_at_once(build_picture(run, flow, is_complete=is_complete))
        else:
            # Copied when the thread begins: what happened until then is in the picture.
            self._request(lambda: partial(build_picture, copy_run(run), flow, is_complete=is_complete))

    def load_newest(self, run: Run, events: Sequence[Event]) -> None:
        """Show the newest events of a run whose others are still being read. They may be fewer than `run` counts."""
        self._request(lambda: partial(build_newest, run, events))

    def load_past(
        self, cursor: TimeCursor, flow: FlowView | None, last: RunPicture | None, *, is_complete: bool
    ) -> None:
        """Show a run as of the event at the cursor; `last` is the picture of all its events, if there is one."""
        build = partial(build_past, cursor.history)
        if len(cursor.history) <= MAX_EVENTS_AT_ONCE:
            self._show_at_once(build(cursor.number, cursor.now, flow, last, is_complete=is_complete))
        else:
            self._request(lambda: partial(build, cursor.number, cursor.now, flow, last, is_complete=is_complete))

    def _show_at_once(self, picture: RunPicture) -> None:
        self._requested += 1
        self.reset()
        self._show(picture)

    def _request(self, prepare: Callable[[], Work[RunPicture]]) -> None:
        self._requested += 1
        number = self._requested

        def numbered() -> Work[tuple[int, RunPicture]]:
            work = prepare()
            return lambda: (number, work())

        self._work.request(numbered)

    def _on_done(self, done: tuple[int, RunPicture]) -> None:
        number, picture = done
        if number > self._shown:
            self._shown = number
            self._show(picture)
