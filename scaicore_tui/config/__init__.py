"""Profiles, precedence, paths: turns what a person set into one `Target`."""

from scaicore_tui.config.paths import config_file, copied_file, journal_file, ledger_file
from scaicore_tui.config.settings import Flags, resolve_target
from scaicore_tui.config.target import Api, Target

__all__ = ["Api", "Flags", "Target", "config_file", "copied_file", "journal_file", "ledger_file", "resolve_target"]
