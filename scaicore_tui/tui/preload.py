"""Loads what the first screen can do without, once that is up: a key that opens another then need not wait for it."""

from __future__ import annotations

from importlib import import_module

_LATER = (
    "screens.answer",
    "screens.detail",
    "screens.inbox",
    "screens.replay",
    "screens.bulk",
    "screens.continue_all",
    "screens.help",
    "screens.profiles",
    "palette",
)


def preload() -> None:
    """Load it, in a thread of its own."""
    for name in _LATER:
        import_module(f"scaicore_tui.tui.{name}")
