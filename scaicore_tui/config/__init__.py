"""Profiles, precedence, paths: turns what a person set into one `Target`."""

from scaicore_tui.config.paths import config_file, copied_file, journal_file, ledger_file
from scaicore_tui.config.settings import Flags, Setting, Settings, resolve_target, settle
from scaicore_tui.config.target import Api, Target

__all__ = [
    "Api",
    "Flags",
    "Setting",
    "Settings",
    "Target",
    "config_file",
    "copied_file",
    "journal_file",
    "ledger_file",
    "resolve_target",
    "settle",
]
