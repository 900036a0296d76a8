"""Comparison of the app's screen with accepted snapshots: plain text for words and layout, SVG where colour matters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.pilot import Pilot

from tests.support.app_stage import screen_lines

RunBefore = Callable[["Pilot[int]"], Awaitable[None]]


class SnapCompare(Protocol):
    """Compares an SVG picture of the app with the accepted one."""

    def __call__(self, app: App[Any], *, terminal_size: tuple[int, int], run_before: RunBefore) -> bool: ...


class CompareScreen(Protocol):
    """Compares the app's screen after `before` with the accepted one: as text, or with its colours."""

    def __call__(self, app: App[Any], size: tuple[int, int], before: RunBefore, *, colours: bool = False) -> None: ...


class ScreenText(SingleFileSnapshotExtension):
    """Stores the text of a screen in a file of its own."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


async def screen_text(app: App[Any], size: tuple[int, int], before: RunBefore) -> str:
    """Run the app at `size`; return its screen after `before`, without trailing blanks."""
    async with app.run_test(size=size) as pilot:
        await before(pilot)
        await pilot.pause()
        await pilot.wait_for_scheduled_animations()
        await pilot.pause()
        return "\n".join([*screen_lines(app), ""])
