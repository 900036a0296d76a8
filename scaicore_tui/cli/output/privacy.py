"""Remove from texts what must not leave this machine: tokens, also those of other processes, and user names.

`redact` removes the secrets that this process has read. A log or a report may also quote one that another process had,
so whatever looks like a token is removed as well.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from scaicore_tui.secrets import MASK, Secret, redact

# An API key; a JWT; what follows the kind of a credential; what follows a name that says what it is.
_TOKEN_SHAPES = (
    re.compile(r"\b()sgk_[\w-]+"),
    re.compile(r"\b()eyJ[\w-]{6,}(?:\.[\w-]*)*"),
    re.compile(r"\b((?:Bearer|Basic)\s+)[^\s\"',;]+", re.IGNORECASE),
    re.compile(r"((?:token|api_?key|password|passwd|secret|authorization|cookie)=)[^\s\"',;&]+", re.IGNORECASE),
)
_SECRET_VARIABLE = re.compile("TOKEN|KEY|SECRET|PASS|CREDENTIAL", re.IGNORECASE)
# The folder of any user, on Linux, macOS and Windows.
_HOME = re.compile(r"(?<!\w)((?:/home|/Users|[A-Za-z]:\\Users)[/\\])[^/\\\s\"':,;]+")
# A shorter user name also occurs as another part of a path.
_MIN_USER_CHARS = 3


def mask_tokens(text: str) -> str:
    """Return `text` without known secrets, and without what looks like a token."""
    text = redact(text)
    for shape in _TOKEN_SHAPES:
        text = shape.sub(rf"\1{MASK}", text)
    return text


def mask_private(text: str) -> str:
    """Return `text` without tokens, and without user names in paths."""
    text = mask_tokens(text)
    for home in _home_folders():
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    text = _HOME.sub(rf"\1{MASK}", text)
    name = _user_name()
    if len(name) >= _MIN_USER_CHARS:
        text = re.sub(rf"(?<=[/\\]){re.escape(name)}(?![\w.-])", MASK, text)
    return text


def mask_value(value: Any, mask: Callable[[str], str]) -> Any:
    """Return a JSON value with `mask` applied to every text in it. A text in JSON would hide a token behind escapes."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {mask(str(key)): mask_value(item, mask) for key, item in value.items()}
        case list() | tuple():
            return [mask_value(item, mask) for item in value]
        case None | bool() | int() | float():
            return value
    return mask(str(value))


def learn_secrets(env: Mapping[str, str]) -> None:
    """Make `redact` remove the values of all variables whose names say that they hold a secret."""
    for name, value in env.items():
        # A path, such as that of a key file, is no secret, and its parts occur in other paths.
        if _SECRET_VARIABLE.search(name) and not value.startswith(("/", "~", ".")):
            Secret(value)


@cache
def _home_folders() -> tuple[str, ...]:
    """Return the paths of the home folder, the longest first."""
    found = {os.environ.get("HOME", "").rstrip("/\\")}
    with suppress(OSError, RuntimeError):
        found |= {str(Path.home()), str(Path.home().resolve())}
    return tuple(sorted((path for path in found if len(path) > 1), key=len, reverse=True))


@cache
def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
