"""Decode OTLP messages strictly, in protobuf or JSON, and check what receivers rely on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

Attributes = dict[str, Any]
MAX_INT64 = 2**63
# Members that hold an id, as hex digits in JSON, with its length in bytes.
_IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}


def decode_protobuf(body: bytes) -> Any:
    """Return the ExportTraceServiceRequest in `body`, which must have no unknown field."""
    from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]

    message = _request()
    message.ParseFromString(body)
    for part in _messages(message):
        assert len(UnknownFieldSet(part)) == 0, part
    return message


def decode_json(text: str) -> Any:
    """Return the same message from OTLP's JSON: one line of ASCII, without unknown members."""
    from google.protobuf import json_format  # type: ignore[import-untyped]

    text.encode("ascii")
    assert text.count("\n") == 1
    return json_format.ParseDict(_with_base64_ids(json.loads(text)), _request(), ignore_unknown_fields=False)


def spans_of(*messages: Any) -> list[Any]:
    """Return all spans, after checking them together: ids, parents, times, texts and attributes."""
    spans = [
        span
        for message in messages
        for each in message.resource_spans
        for scope in each.scope_spans
        for span in scope.spans
    ]
    known = {(span.trace_id, span.span_id) for span in spans}
    assert len(known) == len(spans), "a span was sent twice"
    roots = [span for span in spans if not span.parent_span_id]
    assert sorted(root.trace_id for root in roots) == sorted({span.trace_id for span in spans})
    for span in spans:
        _check_span(span, known)
    for message in messages:
        for each in message.resource_spans:
            assert attributes_of(each.resource)["service.name"]
            for scope in each.scope_spans:
                assert scope.scope.name == "scaicore-tui"
                assert scope.scope.version
    return spans


def attributes_of(holder: Any) -> Attributes:
    """Return the attributes of a span, event, link or resource, each of which has its own key."""
    found = {pair.key: _value(pair.value) for pair in holder.attributes}
    assert len(found) == len(holder.attributes)
    assert all(found), found
    return found


def comparable(span: Any) -> Mapping[str, Any]:
    """Return the content of a span, which does not depend on its encoding."""
    return {
        "ids": (span.trace_id, span.span_id, span.parent_span_id),
        "name": span.name,
        "kind": span.kind,
        "times": (span.start_time_unix_nano, span.end_time_unix_nano),
        "attributes": attributes_of(span),
        "events": [(event.time_unix_nano, event.name, attributes_of(event)) for event in span.events],
        "links": [(link.trace_id, link.span_id, attributes_of(link)) for link in span.links],
        "status": (span.status.code, span.status.message),
    }


def _check_span(span: Any, known: set[tuple[bytes, bytes]]) -> None:
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    assert any(span.trace_id)
    assert any(span.span_id)
    assert span.span_id != span.parent_span_id
    assert not span.parent_span_id or (span.trace_id, span.parent_span_id) in known, "its parent was not sent"
    assert span.name
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano < MAX_INT64
    attributes = attributes_of(span)
    assert (span.status.code == 2) == ("error.type" in attributes) == bool(span.events)
    for event in span.events:
        assert event.name == "exception"
        assert span.start_time_unix_nano <= event.time_unix_nano <= span.end_time_unix_nano
        assert set(attributes_of(event)) == {"exception.type", "exception.message"}
    for link in span.links:
        assert (len(link.trace_id), len(link.span_id)) == (16, 8)
        assert link.trace_id != span.trace_id


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    assert kind in {"string_value", "int_value", "bool_value", "array_value"}, value
    return [_value(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and all messages within it."""
    yield message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(part)


def _with_base64_ids(value: Any) -> Any:
    """Replace the hex ids of OTLP's JSON by those of protobuf's; check the types that it prescribes."""
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, member in value.items():
        if name in _IDS:
            assert len(bytes.fromhex(member)) == _IDS[name]
            assert member == member.lower()
            found[name] = base64.b64encode(bytes.fromhex(member)).decode()
        else:
            assert isinstance(member, str) or not name.endswith(("UnixNano", "intValue"))
            found[name] = _with_base64_ids(member)
    return found


def _request() -> Any:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return ExportTraceServiceRequest()
