"""Filter for the messages that servers log."""

from __future__ import annotations

import logging

import pytest


def logged_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the logged messages of level warning or higher."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
