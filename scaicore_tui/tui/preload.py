"""Imports the screens that the main screen does not need, so that the first key that opens one is fast."""

from __future__ import annotations

from importlib import import_module

_LATER = (
    "dialogs.answer",
    "query_model",
    "screens.run",
    "screens.inbox",
    "dialogs.replay",
    "dialogs.bulk",
    "dialogs.help",
    "dialogs.profiles",
    "dialogs.file",
    "dialogs.replay_all",
    "screens.replays",
    "palette",
)


def preload() -> None:
    """Import the modules of `_LATER`. Blocks: run it in a thread."""
    for name in _LATER:
        import_module(f"scaicore_tui.tui.{name}")
