"""Where files live: configuration and state, per user, as each system has it (XDG on Linux)."""

from __future__ import annotations

import re
from pathlib import Path

from platformdirs import PlatformDirs

_DIRS = PlatformDirs("scaicore-tui", appauthor=False)


def config_file() -> Path:
    """The profiles' file; it need not exist."""
    return Path(_DIRS.user_config_dir) / "config.toml"


def state_dir() -> Path:
    """The folder of journals; made on first use, for its owner only."""
    return Path(_DIRS.user_state_dir)


def journal_file(profile: str) -> Path:
    """The journal of one profile. A name that no file should have is written without its odd signs."""
    return state_dir() / f"{re.sub(r'[^A-Za-z0-9._-]', '_', profile) or '_'}.journal"
