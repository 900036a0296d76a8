"""Events and their pages (API §2). An event keeps the bytes it came in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import Struct, field
from msgspec.json import Decoder

from scaicore_tui import timefmt
from scaicore_tui.json_text import read_float, write
from scaicore_tui.protocol import envelope, lenient_json
from scaicore_tui.protocol.envelope import read_cursor

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
    be read. What can't be read of it is absent: then it is not `is_complete`.
    """

    type: str = ""
    core_id: str | None = None
    timestamp: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    at: int | None = None
    is_complete: bool = True

    @property
    def undocumented_fields(self) -> dict[str, Any]:
        """Its fields that nobody has documented."""
        value = lenient_json.parse_or_unparsed(envelope.decode(self.raw))
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

    def payload_source(self, name: str) -> bytes | None:
        """The JSON of a member of its payload, byte for byte as it came; None where there is none."""
        text = envelope.decode(self.raw)
        span = lenient_json.find_span(text, "payload", name)
        return None if span is None else envelope.encode(text[span[0] : span[1]])


class EventPage(Struct, frozen=True):
    """One page of the feed, in the order it came; so many events that stood before it were `passed`, as each of them is
    too large to be read. `limit` is how many were asked for; 0 where that is not known."""

    events: list[Event]
    next_cursor: str | None = None
    skipped: int = 0
    limit: int = 0

    @property
    def row_keys(self) -> list[bytes]:
        """What tells its rows from others."""
        return [event.raw for event in self.events]


_FIELDS = ("type", "core_id", "timestamp", "payload")
# No number that tells a moment is larger.
_MOST = 10**20
# Fills an Event's fields out of JSON. Whatever it takes for `raw`, `at` and `is_complete` is written over.
_decode = Decoder(Event, float_hook=read_float).decode


def read_event(value: Any, source: bytes) -> Event:
    """The event that `source` holds; `value` is its decoded JSON, or UNREAD. What is of a wrong type, or can't be read,
    is read as absent."""
    if value is lenient_json.UNPARSED or lenient_json.is_too_deep(source):
        value, is_whole = _salvage(source)
    else:
        is_whole = isinstance(value, dict)
    fields = _well_typed(value)
    given = [name for name in _FIELDS if isinstance(value, dict) and value.get(name) is not None]
    return _stamped(Event(**fields), source, is_whole=is_whole and len(fields) == len(given))


def decode_event(source: bytes) -> Event:
    """An event out of its own bytes, as a journal keeps them: whatever they are."""
    if not lenient_json.is_too_deep(source):
        with suppress(*envelope.DECODE_ERRORS):
            return _stamped(_decode(source), source)
    return read_event(lenient_json.parse_or_unparsed(envelope.decode(source)), source)


def read_event_page(body: bytes) -> EventPage:
    """The page in `body`, whichever wrapper it wears. Raises ValueError where there is none.

    Read fast where it is clean JSON; a body, or one of its events, that is not is read by Python's own tolerant
    decoder, with the same result.
    """
    found = envelope.split_events_fast(body)
    if found is None:
        return decode_page_lenient(body)
    sources, following = found
    return EventPage(list(map(decode_event, sources)), read_cursor(following))


def decode_page_lenient(body: bytes) -> EventPage:
    """The page in `body`, JSON or nearly so."""
    page = envelope.split_list(body, "events")
    events = [read_event(value, source) for value, source in page["events"]]
    return EventPage(events, read_cursor(page))


def _stamped(event: Event, source: bytes, *, is_whole: bool = True) -> Event:
    event.raw = source
    event.at = timefmt.parse(event.timestamp)
    # Without its moment an event is in no place that can be told: that counts as unreadable, too.
    event.is_complete = is_whole and (event.at is not None or not event.timestamp)
    return event


def _salvage(source: bytes) -> tuple[dict[str, Any], bool]:
    """What can be read of an event, its payload's values each by itself; and whether that is all there is."""
    text = envelope.decode(source)
    try:
        value, _ = lenient_json.object_at(text, lenient_json.skip_spaces(text, 0), "payload")
    except ValueError:
        return {}, False
    payload = value.get("payload")
    read = _read(value) | ({"payload": _read(payload)} if isinstance(payload, dict) else {})
    return read, read == value


def _read(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not lenient_json.UNPARSED}


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else write(_sorted(value), ascii_only=True)


def _sorted(value: Any) -> Any:
    """The value with its keys in one order: equal ones make one name."""
    return {key: value[key] for key in sorted(value)} if isinstance(value, dict) else value


def _well_typed(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    kept = {name: value[name] for name in ("type", "core_id", "timestamp") if isinstance(value.get(name), str)}
    moment = value.get("timestamp")
    if isinstance(moment, int | float) and abs(moment) < _MOST and timefmt.parse(repr(moment)) is not None:
        kept["timestamp"] = repr(moment)  # seconds since 1970, or parts of them
    return kept | ({"payload": value["payload"]} if isinstance(value.get("payload"), dict) else {})
