"""Queries and choices of a person, by profile, in files of the state folder. Losing them is no harm: nothing raises."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaicore_tui.config.files import open_nonblocking
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock
from scaicore_tui.log import Log, error_fields

MAX_QUERIES = 50
MAX_QUERY_CHARS = 10_000
# The profiles that were changed last are kept.
MAX_PROFILES = 200
MAX_FILE_BYTES = 1024 * 1024
# How long another process that writes is waited for.
LOCK_WAIT_S = 1.0
_log = Log(__name__)


class ProfileValues:
    """A JSON value for each profile, in the file `path`. Its methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, profile: str) -> Any:
        """Return the value of a profile; None if it has none, or the file cannot be read."""
        return self._read().get(profile)

    def change(self, profile: str, change: Callable[[Any], Any]) -> None:
        """Replace the value of a profile by what `change` returns for it."""
        try:
            with Lock(self._path, LOCK_WAIT_S):
                known = self._read()
                others = {name: value for name, value in known.items() if name != profile}
                kept = dict(list(others.items())[-MAX_PROFILES + 1 :])
                self._write(kept | {profile: change(known.get(profile))})
        except (OSError, TimeoutError) as error:
            _log.warning("what a person chose cannot be remembered", file=str(self._path), **error_fields(error))

    def _read(self) -> dict[str, Any]:
        try:
            with open(self._path, "rb", opener=open_nonblocking) as file:
                is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                found = json.loads(file.read(MAX_FILE_BYTES)) if is_file else None
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("what a person chose before cannot be read", file=str(self._path), **error_fields(error))
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, values: dict[str, Any]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file)
        new.replace(self._path)


class RememberedQueries:
    """The queries of `profile` in the file `path`, which profiles share. Without a path, none are kept.

    Its methods block.
    """

    def __init__(self, path: Path | None, profile: str) -> None:
        self._values = None if path is None else ProfileValues(path)
        self._profile = profile

    def load(self) -> list[str]:
        """Return the queries, oldest first; none if the file cannot be read."""
        return [] if self._values is None else _texts(self._values.get(self._profile))

    def add(self, text: str) -> None:
        """Add a query; it becomes the newest."""
        if self._values is not None and len(text) <= MAX_QUERY_CHARS:
            self._values.change(
                self._profile,
                lambda known: [*(other for other in _texts(known) if other != text), text][-MAX_QUERIES:],
            )


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
