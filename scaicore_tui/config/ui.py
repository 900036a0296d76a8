"""How the app looks and which keys it has: the tables `[ui]`, `[profiles.NAME.ui]` and `[keys]` of the file.

The names of themes, views, actions and keys are checked by the front end that knows them, as are clashes of keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from scaicore_tui.config.views import Sort

# Longer names are mistakes; they are also remembered, and shown in messages.
MAX_NAME_CHARS = 200
MAX_KEY_CHARS, MAX_KEYS = 40, 9

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARS)]
KeyName = Annotated[str, Meta(min_length=1, max_length=MAX_KEY_CHARS)]
KeyNames = KeyName | Annotated[tuple[KeyName, ...], Meta(min_length=1, max_length=MAX_KEYS)]
# Keys by action; a table has the keys of one context by action.
KeyTable = dict[str, KeyNames | dict[str, KeyNames]]


class Times(StrEnum):
    """How lists tell when something changed."""

    CLOCK = "clock"
    AGE = "age"


class UiTable(Struct, forbid_unknown_fields=True, frozen=True):
    """The keys of `[ui]` or `[profiles.NAME.ui]`; all are optional."""

    theme: Name | None = None
    view: Name | None = None
    sort: Sort | None = None
    mouse: bool | None = None
    times: Times | None = None


class KeyEntry(NamedTuple):
    """One changed action. `context` is None for all contexts that have the action; `location` is its place in TOML."""

    context: str | None
    action: str
    keys: tuple[str, ...]
    location: str


# In `[keys]`, the table that stands for every context: an action and a context may have the same name.
EVERYWHERE = "all"


def key_entries(table: Mapping[str, KeyNames | Mapping[str, KeyNames]]) -> Iterator[KeyEntry]:
    """Yield the entries of `[keys]`: those for all contexts first, so that those for one context override them."""
    special = list[KeyEntry]()
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield KeyEntry(None, name, _as_tuple(value), f"keys.{name}")
            continue
        context = None if name == EVERYWHERE else name
        found = [KeyEntry(context, action, _as_tuple(keys), f"keys.{name}.{action}") for action, keys in value.items()]
        if context is None:
            yield from found
        else:
            special += found
    yield from special


def _as_tuple(keys: KeyNames) -> tuple[str, ...]:
    return (keys,) if isinstance(keys, str) else keys
