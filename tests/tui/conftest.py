"""What the app reads of its surroundings, fixed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL", "SCAICORE_TUI_URL", "SCAICORE_TUI_TOKEN", "SCAIGRID_BASE_URL", "SCAIGRID_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/you/.config")
