"""The file that remembers which incidents were announced, so that a restart does not announce them again.

It has no data of runs but the ids of checkpoints. Losing it means one more notice.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from scaicore_tui.analysis.alert_incidents import Incident, Incidents
from scaicore_tui.analysis.alert_rules import Rule
from scaicore_tui.config.files import open_nonblocking
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER
from scaicore_tui.log import Log, error_fields

MAX_FILE_BYTES = 4 * 1024 * 1024
_log = Log(__name__)


class StoredRule(Struct, frozen=True):
    """The announced incidents of one rule. `digest` is that of its condition."""

    digest: str
    incidents: dict[str, Incident]


_decode = msgspec.json.Decoder(dict[str, StoredRule]).decode


class IncidentFile:
    """The announced incidents of one feed, in the file `path`. Its methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Mapping[str, StoredRule]:
        """Return what is remembered, by the names of rules; nothing if the file cannot be read."""
        try:
            with open(self._path, "rb", opener=open_nonblocking) as file:
                return _decode(file.read(MAX_FILE_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("announced alerts cannot be read", file=str(self._path), **error_fields(error))
            return {}

    def save(self, rules: Mapping[str, StoredRule]) -> None:
        """Replace the file at once. Raises OSError."""
        self._path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(rules))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def incidents_of(rule: Rule, stored: Mapping[str, StoredRule]) -> Incidents:
    """Return the incidents of a rule that were announced; none if its condition has changed since."""
    found = stored.get(rule.name)
    return found.incidents if found is not None and found.digest == rule.digest else {}
