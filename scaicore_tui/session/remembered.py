"""The queries that a person used, by profile, in a file of the state folder. Losing them is no harm: nothing raises."""

from __future__ import annotations

import json
import os
from pathlib import Path

from scaicore_tui.lock import OWNER_ONLY_FILE, Lock
from scaicore_tui.log import Log, error_fields

MAX_QUERIES = 50
MAX_FILE_BYTES = 1024 * 1024
# How long another process that writes is waited for.
LOCK_WAIT_S = 1.0
_log = Log(__name__)


class RememberedQueries:
    """The queries of `profile` in the file `path`, which profiles share. Without a path, none are kept.

    Its methods block.
    """

    def __init__(self, path: Path | None, profile: str) -> None:
        self._path = path
        self._profile = profile

    def load(self) -> list[str]:
        """Return the queries, oldest first; none if the file cannot be read."""
        return [] if self._path is None else self._read(self._path).get(self._profile, [])

    def add(self, text: str) -> None:
        """Add a query; it becomes the newest."""
        if self._path is None:
            return
        try:
            with Lock(self._path, LOCK_WAIT_S):
                known = self._read(self._path)
                others = [other for other in known.get(self._profile, []) if other != text]
                self._write(self._path, known | {self._profile: [*others, text][-MAX_QUERIES:]})
        except (OSError, TimeoutError) as error:
            _log.warning("query cannot be remembered", file=str(self._path), **error_fields(error))

    def _read(self, path: Path) -> dict[str, list[str]]:
        try:
            with path.open("rb") as file:
                found = json.loads(file.read(MAX_FILE_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("queries used before cannot be read", file=str(path), **error_fields(error))
            return {}
        return {name: _texts(value) for name, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, path: Path, queries: dict[str, list[str]]) -> None:
        new = path.with_name(f"{path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(queries, file)
        new.replace(path)


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
