"""What servers complain of in the log."""

from __future__ import annotations

import logging

import pytest


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged that a person should see: warnings and worse."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
