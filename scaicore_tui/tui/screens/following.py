"""What a screen is that follows the session."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from scaicore_tui.session import Update


@runtime_checkable
class Following(Protocol):
    """A screen that is told what changed."""

    def follow(self, update: Update) -> None:
        """The session changed."""
