"""Write a new configuration file: the given keys, and every other key as a comment with its meaning."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from scaicore_tui.config.profile_docs import KEY_EXAMPLES, KEYS, UI_KEYS
from scaicore_tui.config.profiles import parse_profiles
from scaicore_tui.config.token_sources import TOKEN_KEYS
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER

_HEAD = """\
# Profiles of scaicore-tui. Options and environment variables override this file.
# `scaicore-tui config show` prints all settings with their sources, `config check` finds problems.
"""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def render_profile(name: str, given: Mapping[str, Any]) -> str:
    """Return the text of a file with one profile, which is the default.

    Raises:
        ConfigError: the file could not be read back.
    """
    key = name if _BARE.fullmatch(name) else _toml(name)
    text = "\n".join(
        (_HEAD, f"default = {_toml(name)}", "", f"[profiles.{key}]", *_lines(given), "", *_app_lines(), "")
    )
    _, problems = parse_profiles(text)
    if problems:
        raise ConfigError(str(problems[0]), effect="nothing was written", hint=problems[0].fix)
    return text


def create_file(path: Path, text: str) -> None:
    """Create the file with its folder; only the owner may read it.

    Raises:
        ConfigError: the file exists already.
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY_FILE)
    except FileExistsError:
        raise already_exists(path) from None
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with os.fdopen(opened, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        # A partial file would be read as the configuration and block the next attempt.
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be written: {error.strerror}", effect="nothing was written")


def already_exists(path: Path) -> ConfigError:
    """Return the error for a file that exists already. An existing file is never changed."""
    return ConfigError(
        f"{path} already exists",
        effect="the file was not changed",
        hint="add a [profiles.NAME] table to it, or move it away",
    )


def _lines(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each given key, and a comment for each other key. Only one token key is needed."""
    yield from (f"{key} = {_toml(given[key])}" for key in KEYS if key in given)
    has_token = any(key in given for key in TOKEN_KEYS)
    for name, key in KEYS.items():
        if name not in given and not (has_token and name in TOKEN_KEYS):
            yield f"# {key.explained(name)}"


def _app_lines() -> Iterator[str]:
    """Yield the tables about the app, as comments: a profile follows them in a file that is extended."""
    for table, keys in (("ui", UI_KEYS), ("keys", KEY_EXAMPLES)):
        yield f"# [{table}]"
        yield from (f"# {key.explained(name)}" for name, key in keys.items())
        yield ""


def _toml(value: Any) -> str:
    """Return a value as TOML. For the types used here TOML and JSON agree."""
    if isinstance(value, Path | Enum):
        value = str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
