"""Spans in the types of the OpenTelemetry SDK, for its exporters. It neither makes ids, nor samples, nor measures."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

import scaicore_tui
from scaicore_tui.export.trace.otlp import SCOPE_NAME
from scaicore_tui.export.trace.spans import Attributes, Span

_SCOPE = InstrumentationScope(SCOPE_NAME, scaicore_tui.__version__)


def make_resource(attributes: Attributes) -> Resource:
    """Return the resource of all spans; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before `attributes`."""
    return Resource(attributes).merge(OTELResourceDetector().detect())


def sdk_spans(spans: Iterable[Span], resource: Resource) -> list[ReadableSpan]:
    """Return the same spans in the SDK's types."""
    return [_sdk_span(span, resource) for span in spans]


def _sdk_span(span: Span, resource: Resource) -> ReadableSpan:
    status = Status() if span.error is None else Status(StatusCode.ERROR, span.error)
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id),
        resource=resource,
        attributes=span.attributes,
        events=[Event(event.name, event.attributes, event.at) for event in span.events],
        links=[Link(_context(link.trace_id, link.span_id), link.attributes) for link in span.links],
        kind=SpanKind.INTERNAL,
        status=status,
        start_time=span.begin,
        end_time=span.end,
        instrumentation_scope=_SCOPE,
    )


def _context(trace_id: bytes, span_id: bytes) -> SpanContext:
    ids = int.from_bytes(trace_id, "big"), int.from_bytes(span_id, "big")
    return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
