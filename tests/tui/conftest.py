"""What the app reads of its surroundings, fixed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.app_states import Scene
from tests.support.feed_server import feed_server
from tests.support.scene import busy


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL", "SCAICORE_TUI_URL", "SCAICORE_TUI_TOKEN", "SCAIGRID_BASE_URL", "SCAIGRID_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/you/.config")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """The app on a feed of its own, not yet opened."""
    with feed_server(busy()) as server:
        yield Scene(tmp_path, server)
