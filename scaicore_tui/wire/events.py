"""Events and their pages (API §2). An event keeps the bytes it came in."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from msgspec import Struct, field
from msgspec.json import Decoder

from scaicore_tui.wire import raw, timestamps
from scaicore_tui.wire.envelope import cursor

RUNTIME = "scaicore.runtime."
STARTED = RUNTIME + "invocation.started"
COMPLETED = RUNTIME + "invocation.completed"
FAILED = RUNTIME + "invocation.failed"
BLOCK_ENTERED = RUNTIME + "block.entered"
BLOCK_EXITED = RUNTIME + "block.exited"
BLOCK_FAILED = RUNTIME + "block.failed"


class Event(Struct, weakref=False):
    """One event of the feed. It has no id: its bytes, and where they stood, are all that tells it from others.

    `raw` is its JSON as it came, byte for byte; `at` is its time in microseconds since 1970, None where that can't
    be read.
    """

    type: str = ""
    core_id: str | None = None
    timestamp: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    at: int | None = None

    @property
    def extra(self) -> dict[str, Any]:
        """Its fields that nobody has documented."""
        value = _loads(self.raw)
        return {name: value[name] for name in value if name not in _FIELDS} if isinstance(value, dict) else {}

    @property
    def execution_id(self) -> str | None:
        """The run that this event belongs to, where it says so."""
        value = self.payload.get("execution_id")
        return value if type(value) is str and value else _text(value)

    @property
    def node_id(self) -> str | None:
        """The canvas' node: `payload.node_id`, or else that of its `source_location`."""
        value = self.payload.get("node_id")
        if type(value) is str and value:
            return value
        location = self.payload.get("source_location")
        node = _text(value)
        return _text(location.get("node_id")) if node is None and isinstance(location, dict) else node

    @property
    def block_kind(self) -> str | None:
        """One of fourteen, or any other text."""
        value = self.payload.get("block_kind")
        return value if type(value) is str and value else _text(value)


class EventPage(Struct, frozen=True):
    """One page of the feed, in the order it came."""

    events: list[Event]
    next_cursor: str | None = None


_FIELDS = ("type", "core_id", "timestamp", "payload")
# Fills an Event's fields out of JSON. Whatever it takes for `raw` and `at` is written over.
_decode = Decoder(Event).decode


def read_event(value: Any, source: bytes) -> Event:
    """The event that `source` holds; `value` is its decoded JSON. Fields of a wrong type are read as absent."""
    return _stamped(Event(**_well_typed(value)), source)


def read_stored(source: bytes) -> Event:
    """An event out of its own bytes, as a journal keeps them."""
    try:
        return _stamped(_decode(source), source)
    except raw.UNREADABLE:
        return read_event(_loads(source), source)


def read_event_page(body: bytes) -> EventPage:
    """The page in `body`, whichever wrapper it wears. Raises ValueError where there is none.

    Read fast where it is clean JSON; a body, or one of its events, that is not is read by Python's own tolerant
    decoder, with the same result.
    """
    found = raw.clean_page(body)
    if found is not None:
        sources, following = found
        with suppress(ValueError, RecursionError):
            return EventPage(list(map(read_stored, sources)), cursor(following))
    return read_tolerantly(body)


def read_tolerantly(body: bytes) -> EventPage:
    """The page in `body`, JSON or nearly so."""
    page = raw.page(body, "events")
    events = [read_event(value, source) for value, source in page["events"]]
    return EventPage(events, cursor(page))


def _stamped(event: Event, source: bytes) -> Event:
    event.raw = source
    event.at = timestamps.parse(event.timestamp)
    return event


def _loads(source: bytes) -> Any:
    return json.loads(raw.decode(source), strict=False)


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _well_typed(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    kept = {name: value[name] for name in ("type", "core_id", "timestamp") if isinstance(value.get(name), str)}
    return kept | ({"payload": value["payload"]} if isinstance(value.get("payload"), dict) else {})
