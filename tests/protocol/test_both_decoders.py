"""Pages are read by a fast decoder, or by a lenient one if that fails. Both must give the same result."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scaicore_tui.protocol import EventPage, decode_event, read_event_page
from scaicore_tui.protocol.events import decode_page_lenient

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ("type", "core_id", "timestamp", "payload", "raw", "at", "execution_id", "events", "data")
EVENTS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.just({"execution_id": "exec_1", "node_id": "a"})) | VALUES
WRAPPERS = st.sampled_from(
    [
        '{"data": %s}',
        "%s",
        '{"meta": {"data": 1}, "data": %s, "status": "ok"}',
        '{"data": 3, "data": %s}',
        '{"events": null, "data": %s}',
        '{"data": {"data": %s}}',
        '\ufeff{"data": %s} and more',
        "[%s]",
    ]
)
DAMAGES = st.sampled_from(
    [b"\xff", b"\xed\xa0\x80", b"\t", b"\x00", b'"', b"\\", b"\\ud800", b"NaN", b"1e999", b",", b"}", b"[", b"01", b"-"]
)


def decoded(body: bytes, reader: Any) -> str:
    """Return everything that `reader` reads from `body`, as text."""
    try:
        page: EventPage = reader(body)
    except ValueError:
        return "no page"
    return repr([(event, event.undocumented_fields) for event in page.events]) + repr(page.next_cursor)


@given(st.lists(EVENTS, max_size=4), SCALARS, WRAPPERS, st.booleans(), st.lists(st.tuples(st.floats(0, 1), DAMAGES)))
@example(events=[{"payload": {"execution_id": 9}}], cursor=1e400, wrapper="%s", ascii_only=False, damages=[])
@example(events=[{"type": "\ud800", "raw": 3, "at": "x"}], cursor=None, wrapper="%s", ascii_only=True, damages=[])
def test_both_decoders_give_the_same_result(
    events: list[Any], cursor: Any, wrapper: str, ascii_only: bool, damages: list[tuple[float, bytes]]
) -> None:
    inner = json.dumps({"events": events, "next_cursor": cursor}, ensure_ascii=ascii_only)
    body = (wrapper % inner).encode("utf-8", "surrogatepass")
    for position, damage in damages:
        index = int(position * len(body))
        body = body[:index] + damage + body[index:]
    assert decoded(body, read_event_page) == decoded(body, decode_page_lenient)


@given(EVENTS)
def test_a_stored_event_equals_the_received_one(value: Any) -> None:
    source = json.dumps(value).encode()
    (event,) = decode_page_lenient(b'{"events": [' + source + b"]}").events
    assert repr(decode_event(source)) == repr(event)


@pytest.mark.parametrize("damage", [b"\xff", b"\t", b"NaN", b"\\ud800"])
def test_one_invalid_event_does_not_affect_others(damage: bytes) -> None:
    value = damage if damage == b"NaN" else b'"' + damage + b'"'
    intact, damaged = b'{"type": "a"}', b'{"type": "b", "payload": {"x": ' + value + b"}}"
    page = read_event_page(b'{"events": [' + intact + b", " + damaged + b'], "next_cursor": "c"}')
    assert [event.raw for event in page.events] == [intact, damaged]
    assert ([event.type for event in page.events], page.next_cursor) == (["a", "b"], "c")
