"""The trace of a run in the model of OpenTelemetry: a span for the run, and one for each of its steps. Pure.

Names follow the semantic conventions for generative AI (version 0.1.0, all in development) where they have one: a run
is an `invoke_workflow` whose agent is the Core, a result may report tokens. Everything else is `scaicore.*`.

A wait for a person is a span of its own: that of the visit that waits, or, where a run waits without one, as at a
breakpoint, that of the pending checkpoint. A replay links to the run that it repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from scaicore_tui.analysis.error_groups import split_code
from scaicore_tui.analysis.statistics.usage import USAGE_MARK, usage_of
from scaicore_tui.analysis.steps import Step
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.trace.intervals import (
    Interval,
    checkpoint_interval,
    lone_checkpoints,
    run_interval,
    step_interval,
)
from scaicore_tui.export.trace.trace_ids import checkpoint_span_id, run_span_id, step_span_id, trace_id, visit_ordinals
from scaicore_tui.json_text import write
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs import RunStatus

Value = str | int | bool | list[str]
Attributes = dict[str, Value]
INVOKE_WORKFLOW = "invoke_workflow"
WAIT = "wait_for_person"
# The attribute that convention requires; which models a Core calls is not known.
_PROVIDER = "scaicore"
# The value of `error.type` for an error without a code.
_OTHER = "_OTHER"
_NANOS_PER_MICRO = 1_000


class SpanEvent(Struct, frozen=True):
    """Something that happened at one time within a span, in nanoseconds since 1970."""

    name: str
    at: int
    attributes: Attributes


class SpanLink(Struct, frozen=True):
    """A span of another trace that a span has to do with."""

    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class Span(Struct, frozen=True):
    """One span. Times are nanoseconds since 1970; all texts are valid UTF-8, all numbers have at most 64 bits.

    Attributes:
        parent_id: None for the span of a run.
        error: the message if it failed, which may be empty; else None.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    name: str
    begin: int
    end: int
    attributes: Attributes
    error: str | None = None
    events: Sequence[SpanEvent] = ()
    links: Sequence[SpanLink] = field(default_factory=list)


def run_spans(exported: ExportedRun, *, has_payloads: bool = False) -> Iterator[Span]:
    """Yield the spans of a run, each after its parent. Without `has_payloads` they have no values of the flow."""
    trace = trace_id(exported.run.core_id, exported.run.execution_id)
    yield _run_span(exported, trace, has_payloads=has_payloads)
    reached = [step for step in exported.steps.steps if step.is_reached]
    ordinals = visit_ordinals(exported.run)
    ids = {step.index: step_span_id(trace, step.key, ordinals[id(step.visit)]) for step in reached}
    for step in reached:
        parent = run_span_id(trace) if step.parent is None else ids[step.parent]
        yield _step_span(exported, step, (trace, ids[step.index], parent), ordinals, has_payloads=has_payloads)
    for row in lone_checkpoints(exported):
        yield _checkpoint_span(exported, row, trace)


def resource_attributes(source: str, *, is_redacted: bool) -> Attributes:
    """Return the description of where the spans come from; `source` is the profile or host, empty if unknown."""
    optional: Attributes = {"scaicore.source": clean_value(source)} if source else {}
    return {"service.name": "scaicore", **optional, **({"scaicore.redacted": True} if is_redacted else {})}


def clean_value(value: Any) -> Any:
    """Return a text or a list of texts with unpaired surrogates replaced: the formats want valid UTF-8."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return [clean_value(item) for item in value] if isinstance(value, list) else value


def _run_span(exported: ExportedRun, trace: bytes, *, has_payloads: bool) -> Span:
    run = exported.run
    interval = run_interval(exported)
    core = clean_value(run.core_id or "")
    replayed = exported.replays
    links = []
    if replayed is not None:
        other = trace_id(run.core_id, replayed)
        links = [SpanLink(other, run_span_id(other), {"scaicore.link": "replay of"})]
    attributes: Mapping[str, Value | None] = {
        "gen_ai.operation.name": INVOKE_WORKFLOW,
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.agent.name": core or None,
        "scaicore.core.id": core or None,
        "scaicore.run.id": run.execution_id,
        "scaicore.run.status": str(run.status),
        "scaicore.run.event_count": run.event_count,
        "scaicore.run.instance_key": run.instance_key,
        "scaicore.run.replays": replayed,
        "scaicore.run.joined_late": run.joined_late or None,
        "scaicore.run.unfinished": not run.is_over or None,
        "scaicore.run.missing": exported.missing or None,
        "scaicore.run.gaps": len(exported.gaps) or None,
        "scaicore.run.dropped_visits": exported.steps.dropped or None,
        "scaicore.run.input_truncated": run.is_input_truncated or None,
        "scaicore.run.anomalies": list(run.anomalies) or None,
        "scaicore.time.notes": list(interval.notes) or None,
        "scaicore.run.input": _json(run.input) if has_payloads and run.has_input else None,
        "scaicore.run.output": _json(run.output) if has_payloads and run.outcome is RunStatus.COMPLETED else None,
    }
    error = (run.error or "") if run.outcome is RunStatus.FAILED else None
    name = f"{INVOKE_WORKFLOW} {core}".rstrip()
    return _span((trace, run_span_id(trace), None), name, interval, attributes, error, links)


def _step_span(
    exported: ExportedRun,
    step: Step,
    ids: tuple[bytes, bytes, bytes],
    ordinals: Mapping[int, int],
    *,
    has_payloads: bool,
) -> Span:
    visit = step.visit
    interval = step_interval(exported, step)
    attributes: Mapping[str, Value | None] = {
        "scaicore.node.id": step.node_id,
        "scaicore.block.kind": step.block_kind,
        "scaicore.step.state": str(step.state),
        "scaicore.step.visit": ordinals[id(visit)],
        "scaicore.step.iteration": step.iteration,
        "scaicore.step.attempt": step.attempt,
        "scaicore.step.inferred": list(step.inferred) or None,
        "scaicore.step.waits_for_person": step.waits_for_person or None,
        "scaicore.result.truncated": (visit is not None and visit.is_truncated) or None,
        "scaicore.result.binding": None if visit is None else visit.result_binding,
        "scaicore.result.value": _json(visit.result) if has_payloads and visit and visit.has_result else None,
        "scaicore.time.notes": list(interval.notes) or None,
        **_usage(exported, step),
    }
    kind = WAIT if step.waits_for_person else step.block_kind or "block"
    name = clean_value(f"{kind} {step.node_id or ''}".rstrip())
    return _span(ids, name, interval, attributes, (step.error or "") if step.has_failed else None)


def _checkpoint_span(exported: ExportedRun, row: Checkpoint, trace: bytes) -> Span:
    """Return the span of a checkpoint that is still pending, but for which no visit waits."""
    interval = checkpoint_interval(exported, row)
    attributes: Mapping[str, Value | None] = {
        "scaicore.node.id": row.node_id,
        "scaicore.checkpoint.id": row.id,
        "scaicore.checkpoint.type": row.checkpoint_type,
        "scaicore.step.waits_for_person": True,
        "scaicore.time.notes": list(interval.notes),
    }
    name = clean_value(f"{WAIT} {row.node_id or ''}".rstrip())
    ids = trace, checkpoint_span_id(trace, row.id), run_span_id(trace)
    return _span(ids, name, interval, attributes, None)


def _span(
    ids: tuple[bytes, bytes, bytes | None],
    name: str,
    interval: Interval,
    attributes: Mapping[str, Value | None],
    error: str | None,
    links: Sequence[SpanLink] = (),
) -> Span:
    end = interval.end * _NANOS_PER_MICRO
    known: Attributes = {key: clean_value(value) for key, value in attributes.items() if value is not None}
    events: list[SpanEvent] = []
    if error is not None:
        message, kind = clean_value(error), split_code(error)[0] or _OTHER
        known["error.type"] = kind
        events = [SpanEvent("exception", end, {"exception.type": kind, "exception.message": message})]
        error = message
    begin = interval.begin * _NANOS_PER_MICRO
    return Span(*ids, name, begin, end, known, error, events, links)


def _usage(exported: ExportedRun, step: Step) -> Mapping[str, Value | None]:
    """Return the tokens that the end of a step reports; where events were repeated, their numbers do not tell which."""
    run = exported.run
    if not step.ended_event or run.duplicates or len(exported.events) != run.event_count:
        return {}
    event = exported.events[step.ended_event - 1]
    usage = usage_of(event) if USAGE_MARK in event.raw else None
    if usage is None:
        return {}
    return {"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens}


def _json(value: object) -> str:
    return write(value, tight=True, non_finite="null")
