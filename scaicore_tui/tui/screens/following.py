"""What a screen is that follows the session, and one that can say something."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from scaicore_tui.session import Update


@runtime_checkable
class Following(Protocol):
    """A screen that is told what changed."""

    def follow(self, update: Update) -> None:
        """The session changed."""


@runtime_checkable
class Welcoming(Protocol):
    """A screen that says something, also before there is a session."""

    def say(self, words: str) -> None:
        """Say something that somebody above has to say."""
