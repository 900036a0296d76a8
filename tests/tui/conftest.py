"""Fixtures for the app's tests: a fixed environment, a scene with its own feed, and screen snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App

from tests.support.app_states import AppProcess
from tests.support.feed_server import feed_server
from tests.support.scene import busy_feed
from tests.support.screen_snapshot import CompareScreen, RunBefore, ScreenText, SnapCompare, screen_text


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the user who runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL", "SCAICORE_TUI_URL", "SCAICORE_TUI_TOKEN", "SCAIGRID_BASE_URL", "SCAIGRID_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/you/.config")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[AppProcess]:
    """Return a scene with its own feed server; the app is not open yet."""
    with feed_server(busy_feed()) as server:
        yield AppProcess(tmp_path, server)


@pytest.fixture
def compare_screen(snapshot: SnapshotAssertion, snap_compare: SnapCompare) -> CompareScreen:
    """Return a function that compares the screen with the snapshot of this test."""

    def compare(app: App[Any], size: tuple[int, int], before: RunBefore, *, colours: bool = False) -> None:
        if colours:
            assert snap_compare(app, terminal_size=size, run_before=before)
        else:
            assert asyncio.run(screen_text(app, size, before)) == snapshot.use_extension(ScreenText)

    return compare
