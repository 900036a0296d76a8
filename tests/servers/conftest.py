"""Fixtures of all tests of the servers."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _unlimited_by_default(no_documented_limit: None) -> None:
    """Remove the client's default rate limit, which applies to servers without rate-limit headers."""
