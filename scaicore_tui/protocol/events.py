"""Decode events and their pages (API §2). Each event keeps its bytes as received."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import Raw, Struct, field
from msgspec.json import Decoder
from msgspec.structs import astuple

from scaicore_tui import timefmt
from scaicore_tui.json_text import read_float, write
from scaicore_tui.protocol import envelope, lenient_json
from scaicore_tui.protocol.envelope import read_cursor
from scaicore_tui.units import Micros

RUNTIME = "scaicore.runtime."
STARTED = RUNTIME + "invocation.started"
COMPLETED = RUNTIME + "invocation.completed"
FAILED = RUNTIME + "invocation.failed"
BLOCK_ENTERED = RUNTIME + "block.entered"
BLOCK_EXITED = RUNTIME + "block.exited"
BLOCK_FAILED = RUNTIME + "block.failed"


class Location(Struct, weakref=False, gc=False):
    """The part of `source_location` that is read: its node."""

    node_id: str | None = None


class EventFields(Struct, weakref=False, gc=False):
    """The documented members of a payload that are read for every event.

    Attributes:
        result_binding_value: JSON of the value as received; empty if there is none.
    """

    execution_id: str | None = None
    node_id: str | None = None
    block_kind: str | None = None
    source_location: Location | None = None
    result_binding: str | None = None
    result_binding_value: Raw = Raw()
    result_binding_truncated: bool = False

    def __repr__(self) -> str:
        """Show the value of the result, which `Raw` does not."""
        values = (bytes(value) if isinstance(value, Raw) else value for value in astuple(self))
        return f"EventFields{tuple(values)!r}"


class Event(Struct, weakref=False, gc=False):
    """One event of the feed. It has no id; only its bytes and its position identify it.

    Attributes:
        fields: the members of its payload that every reader needs; `payload` has all.
        raw: its JSON as received.
        at: its time in microseconds since 1970; None if the timestamp cannot be parsed.
        is_complete: False if a part could not be decoded; that part is absent.
    """

    type: str = ""
    core_id: str | None = None
    timestamp: str = ""
    fields: EventFields = field(name="payload", default_factory=EventFields)
    raw: bytes = b""
    at: Micros | None = None
    is_complete: bool = True

    @property
    def payload(self) -> dict[str, Any]:
        """All members of the payload, decoded anew by each call; a member that cannot be decoded is absent."""
        return _payload_of(self.raw)

    @property
    def undocumented_fields(self) -> dict[str, Any]:
        """The members that the API documentation does not mention."""
        value = lenient_json.parse_or_unparsed(envelope.decode(self.raw))
        return {name: value[name] for name in value if name not in _FIELDS} if isinstance(value, dict) else {}

    @property
    def execution_id(self) -> str | None:
        """Id of the run; None if the event has none."""
        return self.fields.execution_id or None

    @property
    def node_id(self) -> str | None:
        """Id of the node: `payload.node_id`, else `payload.source_location.node_id`."""
        fields = self.fields
        return fields.node_id or (fields.source_location and fields.source_location.node_id) or None

    @property
    def block_kind(self) -> str | None:
        """Kind of the block: one of the fourteen documented ones, or any other text."""
        return self.fields.block_kind or None

    def payload_source(self, name: str) -> bytes | None:
        """Return the JSON of a member of the payload as received; None if there is none."""
        text = envelope.decode(self.raw)
        span = lenient_json.find_span(text, "payload", name)
        return None if span is None else envelope.encode(text[span[0] : span[1]])


class EventPage(Struct, frozen=True):
    """One page of the feed, in the order received.

    Attributes:
        skipped: number of events before the page that were skipped, each being too large to read.
        limit: requested number of events; 0 if unknown.
    """

    events: list[Event]
    next_cursor: str | None = None
    skipped: int = 0
    limit: int = 0

    @property
    def row_keys(self) -> list[bytes]:
        """Keys that identify the rows of the page."""
        return [event.raw for event in self.events]


_FIELDS = ("type", "core_id", "timestamp", "payload")
# Larger numbers are not timestamps.
_MAX_TIMESTAMP = 10**20
# Also fills `raw`, `at` and `is_complete` if the JSON has such members: `_with_source` overwrites them.
_decode = Decoder(Event).decode


class _Payload(Struct):
    payload: dict[str, Any] = field(default_factory=dict)


_decode_payload = Decoder(_Payload, float_hook=read_float).decode


def read_event(value: Any, source: bytes) -> Event:
    """Return the event in `source`; `value` is its decoded JSON, or UNPARSED.

    Members of the wrong type, or that cannot be decoded, are absent.
    """
    members, is_whole = _members(value, source)
    payload = members.pop("payload", {})
    return _with_source(Event(**members, fields=_fields_of(payload, source)), source, is_whole=is_whole)


def decode_event(source: bytes) -> Event:
    """Return the event in `source`. Never raises, whatever the bytes are."""
    if not lenient_json.is_too_deep(source):
        try:
            # The decoder does not check the encoding of what it skips.
            if not source.isascii():
                source.decode()
            return _with_source(_decode(source), source)
        except envelope.DECODE_ERRORS:
            pass
    return read_event(lenient_json.parse_or_unparsed(envelope.decode(source)), source)


def read_event_page(body: bytes) -> EventPage:
    """Return the page in `body`, with or without a wrapper. Raises ValueError if there is none.

    Valid JSON is decoded fast. A body, or a single event, that is not valid is decoded leniently; for valid JSON both
    give the same result.
    """
    found = envelope.split_events_fast(body)
    if found is None:
        return decode_page_lenient(body)
    sources, members = found
    return EventPage(list(map(decode_event, sources)), read_cursor(members))


def decode_page_lenient(body: bytes) -> EventPage:
    """Return the page in `body`, which may be invalid JSON."""
    page = envelope.split_list(body, "events")
    events = [read_event(value, source) for value, source in page["events"]]
    return EventPage(events, read_cursor(page))


def _with_source(event: Event, source: bytes, *, is_whole: bool = True) -> Event:
    event.raw = source
    event.at = timefmt.parse(event.timestamp)
    # An event whose timestamp cannot be parsed cannot be ordered: it counts as incomplete.
    event.is_complete = is_whole and (event.at is not None or not event.timestamp)
    return event


def _payload_of(source: bytes) -> dict[str, Any]:
    if not lenient_json.is_too_deep(source):
        with suppress(*envelope.DECODE_ERRORS):
            return _decode_payload(source).payload
    members, _ = _members(lenient_json.parse_or_unparsed(envelope.decode(source)), source)
    payload: dict[str, Any] = members.get("payload", {})
    return payload


def _members(value: Any, source: bytes) -> tuple[dict[str, Any], bool]:
    """Return the documented members of an event that have the right type, and True if no member was lost."""
    if value is lenient_json.UNPARSED or lenient_json.is_too_deep(source):
        value, is_whole = _salvage(source)
    else:
        is_whole = isinstance(value, dict)
    members = _well_typed(value)
    given = [name for name in _FIELDS if isinstance(value, dict) and value.get(name) is not None]
    return members, is_whole and len(members) == len(given)


def _fields_of(payload: dict[str, Any], source: bytes) -> EventFields:
    """Return the fields of a payload whose members may have any type: text is made of them."""
    location, binding = payload.get("source_location"), payload.get("result_binding")
    result = b""
    if "result_binding_value" in payload:
        text = envelope.decode(source)
        begin, end = lenient_json.find_span(text, "payload", "result_binding_value") or (0, 0)
        result = envelope.encode(text[begin:end])
    return EventFields(
        execution_id=_text(payload.get("execution_id")),
        node_id=_text(payload.get("node_id")),
        block_kind=_text(payload.get("block_kind")),
        source_location=Location(_text(location.get("node_id"))) if isinstance(location, dict) else None,
        result_binding=None if binding is None else lenient_json.as_text(binding),
        result_binding_value=Raw(result),
        result_binding_truncated=bool(payload.get("result_binding_truncated")),
    )


def _salvage(source: bytes) -> tuple[dict[str, Any], bool]:
    """Decode each member of an event and of its payload by itself. Return them, and True if none was lost."""
    text = envelope.decode(source)
    try:
        value, _ = lenient_json.object_at(text, lenient_json.skip_spaces(text, 0), "payload")
    except ValueError:
        return {}, False
    payload = value.get("payload")
    parsed = _parsed(value) | ({"payload": _parsed(payload)} if isinstance(payload, dict) else {})
    return parsed, parsed == value


def _parsed(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not lenient_json.UNPARSED}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else write(_sorted(value), ascii_only=True)


def _sorted(value: Any) -> Any:
    """Return a value with sorted keys, so that equal objects give equal ids."""
    return {key: value[key] for key in sorted(value)} if isinstance(value, dict) else value


def _well_typed(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    kept = {name: value[name] for name in ("type", "core_id", "timestamp") if isinstance(value.get(name), str)}
    timestamp = value.get("timestamp")
    is_number = isinstance(timestamp, int | float) and abs(timestamp) < _MAX_TIMESTAMP
    if is_number and timefmt.parse(repr(timestamp)) is not None:
        kept["timestamp"] = repr(timestamp)
    return kept | ({"payload": value["payload"]} if isinstance(value.get("payload"), dict) else {})
