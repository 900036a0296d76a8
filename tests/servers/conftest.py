"""Set-up of all tests of the servers."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _unlimited_by_default(no_documented_limit: None) -> None:
    """Let clients of a server that tells no limit send as much as they like."""
