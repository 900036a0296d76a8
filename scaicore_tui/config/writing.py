"""Writes the first profiles' file: what was said, and every other key as a comment that tells what it is for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from scaicore_tui.config.keys import KEYS
from scaicore_tui.config.profiles import TOKEN_KEYS, find_complaints
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER

_HEAD = """\
# Profiles of scaicore-tui. Flags and variables of the environment win over what is said here:
# `scaicore-tui config show` tells what counts, `scaicore-tui config check` what is wrong.
"""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def profile_text(name: str, said: Mapping[str, Any]) -> str:
    """A file with one profile, which is the default. Raises ConfigError where it would not be read again."""
    key = name if _BARE.fullmatch(name) else _toml(name)
    text = "\n".join((_HEAD, f"default = {_toml(name)}", "", f"[profiles.{key}]", *_lines(said), ""))
    _, complaints = find_complaints(text)
    if complaints:
        raise ConfigError(str(complaints[0]), kept="nothing was written", hint=complaints[0].fix)
    return text


def write_new(path: Path, text: str) -> None:
    """Make the file, readable by its owner alone, with its folder. Raises ConfigError where there is one already,
    StorageError where it can't be written."""
    try:
        path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY_FILE)
    except FileExistsError:
        raise is_there(path) from None
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        # Half a file would be read, and be in the way of the next attempt.
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} can't be written: {error.strerror}", kept="nothing was written")


def is_there(path: Path) -> ConfigError:
    """There is a file already, which nothing here ever changes."""
    return ConfigError(
        f"{path} is there already", kept="it was not touched", hint="add a [profiles.NAME] to it, or move it away"
    )


def _lines(said: Mapping[str, Any]) -> Iterator[str]:
    """What was said, and what could be; one way to a token is enough."""
    yield from (f"{key} = {_toml(said[key])}" for key in KEYS if key in said)
    has_token = any(key in said for key in TOKEN_KEYS)
    for name, key in KEYS.items():
        if name not in said and not (has_token and name in TOKEN_KEYS):
            yield f"# {key.explained(name)}"


def _toml(value: Any) -> str:
    """A value as TOML: as JSON, of which it takes all that is used here."""
    if isinstance(value, Path | Enum):
        value = str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
