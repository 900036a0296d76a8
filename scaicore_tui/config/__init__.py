"""Configuration: combine options, environment and profiles into one `Target`, and know where files are."""

from scaicore_tui.config.identity import Caller, Identity, identity_of
from scaicore_tui.config.paths import config_file, copied_file, journal_file, ledger_file, state_dir
from scaicore_tui.config.settings import Flags, Setting, Settings, load_settings, resolve_target
from scaicore_tui.config.target import Api, Target

__all__ = [
    "Api",
    "Caller",
    "Flags",
    "Identity",
    "Setting",
    "Settings",
    "Target",
    "config_file",
    "copied_file",
    "identity_of",
    "journal_file",
    "ledger_file",
    "load_settings",
    "resolve_target",
    "state_dir",
]
