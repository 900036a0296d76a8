"""By which values of the table's columns an event is found. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scaicore_tui.wire import Event

# So many keys are looked for in one go.
KEYS_AT_ONCE = 500


def places(events: Iterable[Event]) -> Iterator[tuple[str, list[object]]]:
    """Where in the table equal ones of those would be: by their times, or for want of these by their runs.

    The plus keeps SQLite from looking by that column.
    """
    moments = {event.at for event in events if event.at}
    timeless = {stored_id(event.execution_id) for event in events if not event.at}
    keys: dict[str, list[object]] = {
        "at": list(moments),
        "+at = 0 AND execution_id": [key for key in timeless if key is not None],
        "at = 0 AND coalesce(execution_id, 0)": [0] if None in timeless else [],
    }
    for place, found in keys.items():
        for begin in range(0, len(found), KEYS_AT_ONCE):
            yield place, found[begin : begin + KEYS_AT_ONCE]


def stored_id(execution_id: str | None) -> str | bytes | None:
    """An id as a value of SQLite: its text, or where that holds half a character, which SQLite refuses, its bytes."""
    if execution_id is None or execution_id.isascii():
        return execution_id
    try:
        execution_id.encode()
    except UnicodeEncodeError:
        return execution_id.encode("utf-8", "surrogatepass")
    return execution_id
