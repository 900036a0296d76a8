"""Events and their pages (API §2). An event keeps the bytes it came in."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError

from scaicore_tui.wire import raw, timestamps
from scaicore_tui.wire.base import Wire
from scaicore_tui.wire.envelope import cursor

RUNTIME = "scaicore.runtime."
STARTED = RUNTIME + "invocation.started"
COMPLETED = RUNTIME + "invocation.completed"
FAILED = RUNTIME + "invocation.failed"
BLOCK_ENTERED = RUNTIME + "block.entered"
BLOCK_EXITED = RUNTIME + "block.exited"
BLOCK_FAILED = RUNTIME + "block.failed"


class Event(Wire):
    """One event of the feed. It has no id: its bytes, and where they stood, are all that tells it from others."""

    type: str = ""
    core_id: str | None = None
    timestamp: str = ""
    payload: dict[str, Any] = Field(default_factory=dict)
    _raw: bytes = PrivateAttr(default=b"")

    @property
    def raw(self) -> bytes:
        """The event's JSON as it came, byte for byte."""
        return self._raw

    @cached_property
    def at(self) -> int | None:
        """Microseconds since 1970; None where the timestamp can't be read."""
        return timestamps.parse(self.timestamp)

    @property
    def execution_id(self) -> str | None:
        """The run that this event belongs to, where it says so."""
        return _text(self.payload.get("execution_id"))

    @property
    def node_id(self) -> str | None:
        """The canvas' node: `payload.node_id`, or else that of its `source_location`."""
        node = _text(self.payload.get("node_id"))
        location = self.payload.get("source_location")
        if node is None and isinstance(location, dict):
            return _text(location.get("node_id"))
        return node

    @property
    def block_kind(self) -> str | None:
        """One of fourteen, or any other text."""
        return _text(self.payload.get("block_kind"))


class EventPage(Wire):
    """One page of the feed, in the order it came."""

    events: list[Event]
    next_cursor: str | None = None


def read_event(value: Any, source: bytes) -> Event:
    """The event that `source` holds; `value` is its decoded JSON. Fields of a wrong type are read as absent."""
    try:
        event = Event.model_validate(value)
    except ValidationError:
        event = Event.model_validate(_well_typed(value))
    event._raw = source
    return event


def read_stored(source: bytes) -> Event:
    """An event out of its own bytes, as a journal keeps them."""
    return read_event(json.loads(raw.decode(source), strict=False), source)


def read_event_page(body: bytes) -> EventPage:
    """The page in `body`, whichever wrapper it wears. Raises ValueError where there is none."""
    page = raw.page(body, "events")
    events = [read_event(value, source) for value, source in page["events"]]
    return EventPage.model_construct(events=events, next_cursor=cursor(page))


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _well_typed(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    kept = {name: value[name] for name in ("type", "core_id", "timestamp") if isinstance(value.get(name), str)}
    return kept | ({"payload": value["payload"]} if isinstance(value.get("payload"), dict) else {})
