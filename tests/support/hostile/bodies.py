"""Malformed events and checkpoints."""

from __future__ import annotations

import json
from typing import Any

from tests.support.builders import RUNTIME

DEPTH = 10_000
TIMESTAMPS = (
    None,
    "",
    "yesterday",
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "10000-01-01T00:00:00Z",
    "2026-04-29T12:00:00",
    "2026-04-29",
    "20260429T120000Z",
    "2026-W18-3T12:00:00Z",
    "2026-04-29T12:00:00+99:99",
    "2026-04-29T12:00:00+23:59:59.999999",
    "2026-02-30T12:00:00Z",
    "2026-04-29T24:00:00Z",
    "2026-04-29T12:00:60Z",
    "2026-04-29T12:00:00.1234567890123Z",
    "２０２６-04-29T12:00:00Z",
    "2026-04-29T12:00:00\ud800",
    "\x00",
    "9" * 5_000,
    0,
    1_777_464_000,
    -1e300,
    ["2026"],
    {"at": 1},
)


def event_of(payload: str, kind: str = "block.exited", **fields: Any) -> bytes:
    """Return an event of exec_1 whose payload ends with `payload`, which need not be valid JSON."""
    head = json.dumps({"type": RUNTIME + kind, "core_id": "core_a", "timestamp": "2026-04-29T12:00:00Z"} | fields)
    return f'{head[:-1]}, "payload": {{"execution_id": "exec_1", "node_id": "a"{payload}}}}}'.encode()


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


# Partly unreadable events. Each is kept as received and counted, and the events beside it are read.
UNREADABLE = {
    "10,000 lists deep": event_of(f', "result_binding_value": {nested(DEPTH)}'),
    "10,000 objects deep": event_of(', "x": ' + '{"a":' * DEPTH + "1" + "}" * DEPTH),
    "deep with strings full of brackets": event_of(f', "x": "}}]\\"[", "y": {nested(DEPTH)}'),
    "a little too deep": event_of(f', "x": {nested(220)}'),
    "an invalid word": event_of(', "n": tru'),
    "an invalid number": event_of(', "n": 0x1F'),
    "single quotes": event_of(", \"n\": 'single'"),
    "a list": b'["type", "payload"]',
    "a number": b"3",
    "null": b"null",
    "a text": b'"event"',
    "a type of a wrong type": event_of("", type=5),
    "a Core of a wrong type": event_of("", core_id=[1]),
    "a payload of a wrong type": b'{"type": "a", "timestamp": "2026-04-29T12:00:00Z", "payload": "x"}',
    "10,000 lists deep, nothing else": nested(DEPTH).encode(),
    "two values without a comma": b'{"type": "a" "payload": {}}',
    "a key that is not a string": b'{"type": "a", 5: 6, "payload": {}}',
}
# Unusual events that can be read.
READABLE = {
    "an empty object": b"{}",
    "no payload": b'{"type": "custom.note"}',
    "NaN": event_of(', "result_binding_value": NaN, "m": -Infinity, "k": Infinity'),
    "a number of 1,000 digits": event_of(f', "result_binding_value": {"9" * 1_000}'),
    "a number of 5,000 digits": event_of(f', "result_binding_value": {"9" * 5_000}'),
    "a duration of 5,000 digits": event_of(f', "duration_ms": {"9" * 5_000}', "invocation.completed"),
    "a number too large for a float": event_of(', "result_binding_value": 1e999'),
    "duplicate keys": event_of(', "node_id": "b", "execution_id": "exec_1"'),
    "bytes that are not UTF-8": event_of(', "x": "?"').replace(b"?", b"\xff\xfe"),
    "a lone surrogate": event_of(', "x": "\\ud800"'),
    "a NUL": event_of(', "x": "\\u0000"'),
    "unescaped control characters": event_of(', "x": "?"').replace(b"?", b"\x1b\x00\x07"),
    "the deepest nesting that is read": event_of(f', "x": {nested(190)}'),
    "ids of wrong types": event_of(', "node_id": {"a": 1}, "block_kind": [2], "instance_key": 3.5'),
    "a binding that is an empty object": event_of(', "result_binding": {}'),
    "a binding that is a list": event_of(', "result_binding": [{}]'),
    "an id of 1 MB": event_of(f', "node_id": "{"n" * 1_000_000}"'),
    "a run's id of 1 MB": event_of(f', "execution_id": "{"é" * 500_000}"', "invocation.started"),
    "an error of any shape": event_of(', "error": [{"code": {"a": []}}, null, NaN]', "block.failed"),
    "a duration that is not a number": event_of(', "duration_ms": NaN', "invocation.completed"),
    "a duration of 1,000 digits": event_of(f', "duration_ms": {"9" * 1_000}', "invocation.completed"),
    "a negative duration": event_of(', "duration_ms": -1e308', "invocation.completed"),
    "a million small values": event_of(f', "x": [{",".join("0" * 1_000_000)}]'),
}
