"""The format `otlp`: runs as traces, in the JSON encoding of OTLP.

The file is one line, so that it can be sent to a receiver's `/v1/traces` as it is, and also be read as a file with one
message in each line. Each run is one `ResourceSpans`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import scaicore_tui
from scaicore_tui.export.exporter import Export
from scaicore_tui.export.trace.spans import Attributes, Span, SpanEvent, SpanLink, Value, resource_attributes, run_spans
from scaicore_tui.json_text import write

SCOPE_NAME = "scaicore-tui"
_INTERNAL, _ERROR = 1, 2


def export_otlp(export: Export) -> Iterator[str]:
    """Yield the file. It only has inputs, outputs and results if the export `has_payloads`."""
    resource = resource_attributes(export.source, is_redacted=export.is_redacted)
    scope = {"name": SCOPE_NAME, "version": scaicore_tui.__version__}
    yield '{"resourceSpans":['
    comma = ""
    for exported in export.runs:
        spans = [span_json(span) for span in run_spans(exported, has_payloads=export.has_payloads)]
        yield comma + _text({"resource": _resource(resource), "scopeSpans": [{"scope": scope, "spans": spans}]})
        comma = ","
    # Known only now. No spans belong to it: receivers that do not care leave it out.
    if export.redacted:
        counts: Attributes = {f"scaicore.redacted.{row.reason}": row.count for row in export.redacted}
        yield comma + _text({"resource": _resource(resource | counts), "scopeSpans": []})
    yield "]}\n"


def span_json(span: Span) -> dict[str, Any]:
    """Return a span in OTLP's JSON: ids as hex digits, 64-bit numbers as texts, enumerations as numbers."""
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        **({} if span.parent_id is None else {"parentSpanId": span.parent_id.hex()}),
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(span.begin),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
        "events": [_event(event) for event in span.events],
        "links": [_link(link) for link in span.links],
        "status": {} if span.error is None else {"code": _ERROR, "message": span.error},
    }


def _event(event: SpanEvent) -> dict[str, Any]:
    return {"timeUnixNano": str(event.at), "name": event.name, "attributes": _attributes(event.attributes)}


def _link(link: SpanLink) -> dict[str, Any]:
    ids = {"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()}
    return {**ids, "attributes": _attributes(link.attributes)}


def _resource(attributes: Attributes) -> dict[str, Any]:
    return {"attributes": _attributes(attributes)}


def _attributes(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}


def _text(value: Any) -> str:
    # A message on a line of its own: U+2028 and the like would end a line for some readers.
    return write(value, tight=True, ascii_only=True)
