"""Where files live: configuration and state, per user, as each system has it (XDG on Linux)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from platformdirs import PlatformDirs

from scaicore_tui.config.identity import Identity
from scaicore_tui.config.target import Target
from scaicore_tui.errors import ConfigError

JOURNAL_ENDING = ".journal"
_NOT_IN_A_FORMER_NAME = re.compile(r"[^A-Za-z0-9._@-]")
# What was replaced, what it was replaced with, and what stood between the parts.
_AMBIGUOUS = re.compile(r"[^A-Za-z0-9.-]")
_DIRS = PlatformDirs("scaicore-tui", appauthor=False)


def config_file() -> Path:
    """The profiles' file; it need not exist. Raises ConfigError where this user has no home folder."""
    return _user_folder("user_config_dir", "XDG_CONFIG_HOME") / "config.toml"


def state_dir() -> Path:
    """The folder of journals; made on first use, for its owner only. Raises ConfigError as `config_file`."""
    return _user_folder("user_state_dir", "XDG_STATE_HOME")


def expand_home(path: Path, source: str) -> Path:
    """`path`, which `source` names, with the folder that `~` stands for. Raises ConfigError where there is none."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{source} {path}: no home folder is known", hint="set HOME, or name the whole path"
        ) from error


def _user_folder(kind: str, variable: str) -> Path:
    try:
        folder = Path(getattr(_DIRS, kind))
    except RuntimeError:
        folder = Path("~")
    if folder.is_absolute():
        return folder
    home = os.environ.get("HOME")
    cause = "HOME is not set" if home is None else f"HOME is {home!r}"
    user = f", and user id {os.getuid()} has no home folder" if hasattr(os, "getuid") else ""
    raise ConfigError(f"no folder for files of this program: {cause}{user}", hint=f"set HOME, or {variable}")


def ledger_file() -> Path:
    """The file of what was written from this machine, in the journals' folder."""
    return state_dir() / "ledger.jsonl"


def copied_file() -> Path:
    """The file of what was copied last of all that is too long for a clipboard, in the journals' folder."""
    return state_dir() / "copied.txt"


def journal_file(identity: Identity) -> Path:
    """The file for the journal of one feed. No other identity has it, on any file system."""
    return state_dir() / f"{identity.file_stem}{JOURNAL_ENDING}"


def former_journal_file(target: Target) -> Path:
    """Return where older programs kept the journal of `target`, and of all feeds of the same profile, host and Core."""
    name = "@".join(part for part in (target.name, target.host, target.core) if part)
    return state_dir() / f"{_NOT_IN_A_FORMER_NAME.sub('_', name)}{JOURNAL_ENDING}"


def is_former_name_unique(target: Target) -> bool:
    """Return whether `target` is the only feed that had its `former_journal_file`.

    Another path on the host had the same file, and so had every name with another character in place of a replaced one.
    """
    host, _, port = target.host.partition(":")
    names = (target.name, host, port, target.core or "")
    return target.has_default_path and not any(_AMBIGUOUS.search(name) for name in names)
