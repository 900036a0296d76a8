"""Where files live: configuration and state, per user, as each system has it (XDG on Linux)."""

from __future__ import annotations

import re
from pathlib import Path

from platformdirs import PlatformDirs

from scaicore_tui.config.target import Target

_DIRS = PlatformDirs("scaicore-tui", appauthor=False)


def config_file() -> Path:
    """The profiles' file; it need not exist."""
    return Path(_DIRS.user_config_dir) / "config.toml"


def state_dir() -> Path:
    """The folder of journals; made on first use, for its owner only."""
    return Path(_DIRS.user_state_dir)


def ledger_file() -> Path:
    """The file of what was written from this machine, in the journals' folder."""
    return state_dir() / "ledger.jsonl"


def copied_file() -> Path:
    """The file of what was copied last of all that is too long for a clipboard, in the journals' folder."""
    return state_dir() / "copied.txt"


def journal_file(target: Target) -> Path:
    """The journal of one feed: a profile may be pointed at several hosts, and one Core's feed is a feed of its own.

    Signs that no file name should have are replaced.
    """
    parts = (target.name, target.host, target.core)
    name = "@".join(part for part in parts if part)
    return state_dir() / (re.sub(r"[^A-Za-z0-9._@-]", "_", name) + ".journal")
