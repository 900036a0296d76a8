"""Imports the screens that the first one does not need, so that the first key that opens one does not wait for it."""

from __future__ import annotations

from importlib import import_module

_LATER = (
    "dialogs.answer",
    "screens.run",
    "screens.inbox",
    "dialogs.replay",
    "dialogs.bulk",
    "dialogs.help",
    "dialogs.profiles",
    "palette",
)


def preload() -> None:
    """Import these modules. Run it in a thread of its own."""
    for name in _LATER:
        import_module(f"scaicore_tui.tui.{name}")
