"""Paths of the user's configuration and state files, by each system's convention (XDG on Linux)."""

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
# Characters that make a former name ambiguous: replaced ones, the replacement, and the separator.
_AMBIGUOUS = re.compile(r"[^A-Za-z0-9.-]")
_DIRS = PlatformDirs("scaicore-tui", appauthor=False)


def config_file() -> Path:
    """Return the configuration file, which need not exist. Raises ConfigError if there is no home folder."""
    return _user_folder("user_config_dir", "XDG_CONFIG_HOME") / "config.toml"


def state_dir() -> Path:
    """Return the folder of the journals, which need not exist. Raises ConfigError if there is no home folder."""
    return _user_folder("user_state_dir", "XDG_STATE_HOME")


def expand_home(path: Path, source: str) -> Path:
    """Return `path` with `~` expanded. Raises ConfigError, which names `source`, if there is no home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{source} {path}: the home folder is unknown", hint="set HOME, or write the full path"
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
    raise ConfigError(f"no folder for this program's files: {cause}{user}", hint=f"set HOME, or {variable}")


def ledger_file() -> Path:
    """Return the path of the ledger, the record of writes sent from this machine."""
    return state_dir() / "ledger.jsonl"


def queries_file() -> Path:
    """Return the path of the file with the queries that were used, by profile."""
    return state_dir() / "queries.json"


def screens_file() -> Path:
    """Return the path of the file with what was chosen on the screen, by profile."""
    return state_dir() / "screens.json"


def redaction_key_file() -> Path:
    """Return the path of the file with the key of the hashes that stand for redacted values."""
    return state_dir() / "redaction.key"


def copied_file() -> Path:
    """Return the path of the file that receives copied text too long for the clipboard."""
    return state_dir() / "copied.txt"


def journal_file(identity: Identity) -> Path:
    """Return the path of the journal of one feed, unique to `identity` on every file system."""
    return state_dir() / f"{identity.file_stem}{JOURNAL_ENDING}"


def alerts_file(identity: Identity) -> Path:
    """Return the path of the file that remembers which alerts of one feed were announced."""
    return state_dir() / f"{identity.feed_stem}.alerts.json"


def former_journal_file(target: Target) -> Path:
    """Return the journal path of older versions, which all feeds of the same profile, host and Core shared."""
    name = "@".join(part for part in (target.name, target.host, target.core) if part)
    return state_dir() / f"{_NOT_IN_A_FORMER_NAME.sub('_', name)}{JOURNAL_ENDING}"


def is_former_name_unique(target: Target) -> bool:
    """Return whether no other feed can have had the `former_journal_file` of `target`.

    Other paths on the same host shared the file, and so did names that differ only in replaced characters.
    """
    host, _, port = target.host.partition(":")
    names = (target.name, host, port, target.core or "")
    return target.has_default_path and not any(_AMBIGUOUS.search(name) for name in names)
