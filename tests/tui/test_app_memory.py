"""Memory: closed screens are garbage-collected, so that the app can stay open all day."""

from __future__ import annotations

import asyncio
import gc
from heapq import heapify
from weakref import ref

from textual._styles_cache import StylesCache
from textual.widget import Widget

from tests.support.app_stage import Stage
from tests.support.scene import busy_feed

# Keys that open every screen and dialog.
OPENING_KEYS = (
    ("e", "R", "e"),
    ("a", "tab", "x"),
    ("i",),
    ("i", "space", "space", "a"),
    ("question_mark",),
    ("i", "j", "C"),
)


async def test_closed_screens_are_garbage_collected() -> None:
    stage = Stage(busy_feed())
    references: list[ref[Widget] | ref[StylesCache]] = []
    async with stage.opened() as pilot:
        # Textual keeps the lines of the last closed screen until the next one is closed: so two more are opened.
        for keys in (*OPENING_KEYS, ("enter",), ("a",)):
            await pilot.press(*keys)
            await pilot.pause()
            if keys in OPENING_KEYS:
                references += _parts(stage)
            while len(stage.app.screen_stack) > 1:
                await pilot.press("escape")
            await stage.poll(pilot)
        _forget_cancelled_timers()
        gc.collect()
        assert not [each() for each in references if each() is not None]


def _parts(stage: Stage) -> list[ref[Widget] | ref[StylesCache]]:
    """Return references to the widgets above the main screen and their style caches."""
    above = stage.app.screen_stack[1:]
    widgets = [widget for screen in above for widget in screen.walk_children(Widget, with_self=True)]
    assert widgets
    return [*map(ref, widgets), *(ref(widget._styles_cache) for widget in widgets)]


def _forget_cancelled_timers() -> None:
    """Remove cancelled timers: the event loop keeps them until they would have been due."""
    scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    scheduled[:] = [timer for timer in scheduled if not timer.cancelled()]
    heapify(scheduled)
