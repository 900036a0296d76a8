"""What all tests over sockets share."""

from __future__ import annotations

import pytest

from scaicore_tui.feed import budget


@pytest.fixture(autouse=True)
def _no_minute_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grids whose limits are switched off tell none; then the documented one counts, and would be waited for."""
    monkeypatch.setattr(budget, "DOCUMENTED_LIMIT", 1_000_000)
