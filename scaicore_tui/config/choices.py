"""The profiles that there are to choose from, as a list shows them."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from scaicore_tui.config.paths import config_file
from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.config.target import Color


class Choice(Struct, frozen=True):
    """One profile that says where its API is."""

    name: str
    url: str
    core: str | None = None
    color: Color | None = None
    read_only: bool = False
    protected: bool = False


def choices(config: Path | None = None) -> list[Choice]:
    """All of them, in the file's order. Raises ConfigError where the file makes no sense."""
    profiles = read_profiles(config or config_file()).profiles
    return [
        Choice(name, one.url, one.core, one.color, bool(one.read_only), bool(one.protected))
        for name, one in profiles.items()
        if one.url is not None
    ]
