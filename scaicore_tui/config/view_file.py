"""Write a saved view into the configuration file: all else in the file stays as it is, character for character."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaicore_tui.config.files import read_config
from scaicore_tui.config.views import SavedView
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER

UNCHANGED = "the file was not changed"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"^[ \t]*\[")


class ViewExists(ConfigError):
    """There is a view with that name."""


def save_view(path: Path, name: str, view: SavedView, *, replace: bool = False) -> None:
    """Write the table `[views.NAME]`, in place of the one with that name if `replace` is set. Blocks.

    Raises:
        ViewExists: there is a view with that name.
        ConfigError: the file is not valid, has the view in another form, or was changed meanwhile.
        StorageError: it cannot be written.
    """
    before = read_config(path)
    if before is not None and before.encode() != path.read_bytes():
        raise ConfigError(f"{path} is not plain UTF-8", effect=UNCHANGED, hint="change it in an editor")
    text = with_view(before or "", name, view, replace=replace)
    target = Path(os.path.realpath(path))
    try:
        _write(target, text, lambda: read_config(path) == before)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}", effect=UNCHANGED) from error


def with_view(text: str, name: str, view: SavedView, *, replace: bool) -> str:
    """Return the text of a configuration file with one more view, or another one in place of that with its name.

    Raises:
        ViewExists: there is a view with that name, and it is not to be replaced.
        ConfigError: the text is not valid TOML, or has the view in another form than a table of its own.
    """
    known = _parsed(text)
    expected = {key: str(value) for key in ("query", "sort", "group") if (value := getattr(view, key))}
    lines = [f"[views.{name if _BARE.fullmatch(name) else _toml(name)}]"]
    lines += [f"{key} = {_toml(value)}" for key, value in expected.items()]
    table = "\n".join(lines) + "\n"
    views = known.get("views")
    if isinstance(views, dict) and name in views:
        if not replace:
            raise ViewExists(f"there is a view “{name}”", effect=UNCHANGED)
        text = _without_table(text, name)
    gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
    found = text + gap + table
    others = views if isinstance(views, dict) else {}
    if _parsed(found) != known | {"views": others | {name: expected}}:
        raise _other_form(name)
    return found


def _without_table(text: str, name: str) -> str:
    """Return the text without the table of a view: from its header to the next one."""
    lines = text.splitlines(keepends=True)
    begin = next((number for number, line in enumerate(lines) if _is_header_of(line, name)), None)
    if begin is None:
        raise _other_form(name)
    after = (number for number in range(begin + 1, len(lines)) if _HEADER.match(lines[number]))
    end = next(after, len(lines))
    # Comments right above the next table belong to that.
    while end > begin + 1 and not lines[end - 1].strip(" \t\r\n").partition("#")[0] and end < len(lines):
        end -= 1
    return "".join(lines[:begin] + lines[end:])


def _is_header_of(line: str, name: str) -> bool:
    if not _HEADER.match(line):
        return False
    try:
        return tomllib.loads(line) == {"views": {name: {}}}
    except tomllib.TOMLDecodeError:
        return False


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file is not valid TOML: {error}", effect=UNCHANGED) from None


def _other_form(name: str) -> ConfigError:
    return ConfigError(
        f"the view “{name}” is not a table of its own there", effect=UNCHANGED, hint="change it in an editor"
    )


def _write(path: Path, text: str, is_unchanged: Callable[[], bool]) -> None:
    """Replace the file by `text` at once, with its mode, unless it was changed since it was read."""
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o7777 if path.exists() else OWNER_ONLY_FILE
    opened, temporary = tempfile.mkstemp(dir=path.parent, prefix=".config-")
    try:
        with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        if not is_unchanged():
            raise ConfigError(f"{path} was changed meanwhile", effect=UNCHANGED, hint="save the view again")
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _toml(value: str) -> str:
    """Return a text as TOML: for texts, TOML and JSON agree."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
