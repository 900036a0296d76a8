"""The choices of a person on the screen, by profile: they are in force again at the next start.

Beside each value is the configured one of that time. If another one is configured now, the configuration was changed
later, and wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from scaicore_tui.config.ui import MAX_NAME_CHARS, Times, UiTable
from scaicore_tui.config.views import Sort
from scaicore_tui.log import Log, error_fields
from scaicore_tui.session.remembered import MAX_QUERY_CHARS, ProfileValues

_log = Log(__name__)


class ScreenChoices(Struct, frozen=True):
    """The things that can be chosen on the screen; None where nobody chose.

    `view` is the name of a built-in view or a saved one; with `mine`, the inbox shows only what is assigned to the
    reviewer.
    """

    theme: str | None = None
    view: str | None = None
    query: str | None = None
    sort: Sort | None = None
    times: Times | None = None
    mine: bool | None = None


class RememberedScreen:
    """The choices for `profile` in the file `path`, which profiles share. Without a path, nothing is kept."""

    def __init__(self, path: Path | None, profile: str, configured: UiTable) -> None:
        self._values = None if path is None else ProfileValues(path)
        self._profile = profile
        self._configured = {key: getattr(configured, key, None) for key in ScreenChoices.__struct_fields__}
        # Changed since they were saved.
        self._unsaved: dict[str, Any] = {}
        self.choices = ScreenChoices(**self._configured)

    @property
    def has_unsaved(self) -> bool:
        """True if `save` has something to do."""
        return bool(self._unsaved) and self._values is not None

    def load(self) -> None:
        """Read what was chosen before. Blocks."""
        stored = None if self._values is None else self._values.get(self._profile)
        found = _valid(stored, self._configured)
        self.choices = replace(self.choices, **found | self._unsaved)

    def change(self, **chosen: Any) -> None:
        """Use other choices, and keep them for `save`."""
        before = asdict(self.choices)
        changed = {key: value for key, value in chosen.items() if before[key] != value}
        self.choices = replace(self.choices, **changed)
        self._unsaved |= changed

    def save(self) -> None:
        """Write what changed. Blocks."""
        unsaved, self._unsaved = self._unsaved, {}
        if self._values is None or not unsaved:
            return
        changed = {key: [value, self._configured[key]] for key, value in unsaved.items() if _is_bounded(value)}

        def merged(stored: Any) -> dict[str, Any]:
            kept = {key: [value, self._configured[key]] for key, value in _valid(stored, self._configured).items()}
            return kept | changed

        self._values.change(self._profile, merged)


def _valid(stored: Any, configured: dict[str, Any]) -> dict[str, Any]:
    """Return the stored choices that can be read, and that the configuration did not overtake."""
    found = dict[str, Any]()
    for key, entry in stored.items() if isinstance(stored, dict) else ():
        if key not in configured or not isinstance(entry, list) or len(entry) != 2 or entry[1] != configured[key]:
            continue
        try:
            choice = msgspec.convert({key: entry[0]}, ScreenChoices)
        except msgspec.ValidationError as error:
            _log.warning("a remembered choice cannot be read", choice=key, **error_fields(error))
            continue
        if _is_bounded(value := getattr(choice, key)):
            found[key] = value
    return found


def _is_bounded(value: Any) -> bool:
    return not isinstance(value, str) or len(value) <= max(MAX_NAME_CHARS, MAX_QUERY_CHARS)
