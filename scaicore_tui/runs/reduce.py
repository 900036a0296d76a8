"""The reducer: apply one event to its run. Changes only that run: no I/O, no clock.

Events may be missing or out of order (API §7). What arrived is applied, and the run gets an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scaicore_tui.json_text import write
from scaicore_tui.protocol import events as wire
from scaicore_tui.protocol.events import Event
from scaicore_tui.protocol.lenient_json import as_number, as_text
from scaicore_tui.runs import visits
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run, RunStatus, json_digest
from scaicore_tui.timefmt import has_whole_seconds
from scaicore_tui.units import Micros

# A longer reported duration (about 3,000 years), or a negative one, is not believed.
MAX_DURATION_MS = 1e14


class VisitChange(NamedTuple):
    """A visit that an event began or ended, and its node."""

    node: NodeRunInfo
    visit: NodeVisit


# Called with the run, an event that was just applied to it, and the visit that the event ended.
OnVisitEnded = Callable[[Run, Event, VisitChange], None]


def apply(run: Run, event: Event, on_ended: OnVisitEnded | None = None) -> bool:
    """Apply `event` to `run`; for a repeat, only count it and return False.

    `on_ended` is called if a visit is over thereby, or is over and its enter event came late.
    """
    if is_repeat(run, event):
        return False
    change = apply_new(run, event)
    if on_ended is not None and change is not None and change.visit.state is not NodeState.ENTERED:
        on_ended(run, event, change)
    return True


def apply_new(run: Run, event: Event) -> VisitChange | None:
    """Apply `event`, which is no repeat, to `run`; return the visit that it began or ended, if any."""
    run.event_count += 1
    if not run.core_id:
        run.core_id = event.core_id
    at = event.at
    if at is not None:
        if run.first_event_at is None or at < run.first_event_at:
            run.first_event_at = at
        if run.last_event_at is None or at > run.last_event_at:
            run.last_event_at = at
    if not event.is_complete:
        run.add_anomaly("an event could be read only in part")
    rule = _HANDLERS.get(event.type)
    if rule is None:
        return None
    if run.outcome is not None and event.type not in _ENDS:
        run.add_anomaly("events after the end")
    run.is_runtime = True
    return rule(run, event)


def is_repeat(run: Run, event: Event) -> bool:
    """Return whether the bus delivered `event` before (API §2), and count it in that case.

    With sub-second timestamps, equal bytes are a repeat. With whole seconds, a fast loop produces distinct events of
    equal bytes: then they are a repeat only if the state of the run does not allow a second such event.
    """
    if run.seen.add(hash(event.raw)):
        return False
    repeats = not has_whole_seconds(event.timestamp) or _cannot_be_new(run, event)
    run.duplicates += repeats
    return repeats


def _cannot_be_new(run: Run, event: Event) -> bool:
    """Return whether the state of `run` does not allow a second event with these bytes."""
    if event.type == wire.BLOCK_ENTERED:
        node = run.nodes.get(_key(event))
        return node is not None and any(visit.entered_at == event.at for visit in node.open_visits)
    if event.type in (wire.BLOCK_EXITED, wire.BLOCK_FAILED):
        return _find_node(run, event) is None
    return event.type in _HANDLERS


def _started(run: Run, event: Event) -> None:
    if not run.joined_late:
        run.add_anomaly("started again")
        return
    run.joined_late = False
    run.started_at = event.at
    payload = event.payload
    run.has_input = "input" in payload
    run.input = payload.get("input")
    run.start = event
    run.input_digest = json_digest(run.input)
    run.is_input_truncated = payload.get("input_truncated") is True
    _set_instance(run, payload)


def _completed(run: Run, event: Event) -> None:
    payload = event.payload
    _end(run, event, payload, RunStatus.COMPLETED)
    run.output = payload.get("output")
    run.output_digest = json_digest(run.output)
    known = as_number(payload.get("duration_ms"))
    if known is not None and 0 <= known < MAX_DURATION_MS:
        run.reported_ms = known


def _failed(run: Run, event: Event) -> None:
    payload = event.payload
    _end(run, event, payload, RunStatus.FAILED)
    run.error = error_text(payload)


def _end(run: Run, event: Event, payload: Mapping[str, Any], outcome: RunStatus) -> None:
    if run.is_over:
        run.add_anomaly("ended twice")
    if run.open_count:
        run.add_anomaly("ended inside a node")
    run.outcome = outcome
    run.ended_at = event.at
    _set_instance(run, payload)


def _set_instance(run: Run, payload: Mapping[str, Any]) -> None:
    key = payload.get("instance_key")
    if key is not None:
        run.instance_key = as_text(key)


def _entered(run: Run, event: Event) -> VisitChange:
    node = _node(run, event)
    late = _early_exit(node, event.at)
    if late is not None:
        late.entered_at, late.entered_event = event.at, run.event_count
        return VisitChange(node, late)
    visit = NodeVisit(NodeState.ENTERED, entered_at=event.at, entered_event=run.event_count)
    visits.enter(run, node, visit)
    return VisitChange(node, visit)


def _early_exit(node: NodeRunInfo, at: Micros | None) -> NodeVisit | None:
    """Return the visit whose exit event arrived before this enter event, if there is one."""
    if at is None or not node.visits:
        return None
    visit = node.visits[-1]
    fits = visit.entered_at is None and visit.ended_at is not None and at <= visit.ended_at
    return visit if fits else None


def _exited(run: Run, event: Event) -> VisitChange | None:
    change = _close(run, event, NodeState.EXITED)
    if change is None:
        return None
    fields, visit = event.fields, change.visit
    visit.result_binding = fields.result_binding or None
    visit.result_json = bytes(fields.result_binding_value)
    visit.is_truncated = bool(fields.result_binding_truncated)
    return change


def _block_failed(run: Run, event: Event) -> VisitChange | None:
    change = _close(run, event, NodeState.FAILED)
    error = error_text(event.payload)
    if change is not None:
        change.visit.error = error
    elif run.error is None:
        run.error = error
    return change


def _close(run: Run, event: Event, state: NodeState) -> VisitChange | None:
    """End the visit that `event` belongs to; without an open one, add a visit whose enter event is missing.

    Returns None if the event names no node and no visit is open: only the run records it then.
    """
    node = _find_node(run, event)
    if node is not None:
        return VisitChange(node, visits.leave(run, node, state, event.at))
    run.add_anomaly(f"{state} without enter")
    if event.node_id is None:
        return None
    node, visit = _node(run, event), NodeVisit(state, ended_at=event.at, ended_event=run.event_count)
    visits.add_ended(run, node, visit)
    return VisitChange(node, visit)


def _find_node(run: Run, event: Event) -> NodeRunInfo | None:
    """Return the node whose open visit `event` ends. Without a node id: the newest open one of its kind, or of any."""
    key = _key(event)
    if key[0] is None:
        return visits.newest_open(run, event.block_kind)
    node = run.nodes.get(key)
    return node if node is not None and node.open_visits else None


def _node(run: Run, event: Event) -> NodeRunInfo:
    key = _key(event)
    node = run.nodes.get(key)
    if node is None:
        visits.evict_node(run)
        node = run.nodes[key] = NodeRunInfo(key[0], event.block_kind)
    elif node.block_kind is None:
        node.block_kind = event.block_kind
    return node


def _key(event: Event) -> tuple[str | None, str | None]:
    node_id = event.node_id
    return (None, event.block_kind) if node_id is None else (node_id, None)


def error_text(payload: dict[str, Any]) -> str:
    """Return the most helpful text found in the payload of an error event, whose shape is undocumented (API §7)."""
    for name in ("error", "message", "reason", "detail"):
        text = _text_of(payload.get(name))
        if text:
            return text
    rest = {key: value for key, value in payload.items() if key not in ("execution_id", "node_id", "block_kind")}
    return write(rest) if rest else "no reason given"


def _text_of(value: Any) -> str:
    if isinstance(value, dict):
        code = value.get("code") or value.get("type")
        message = next((value[name] for name in ("message", "reason", "detail") if value.get(name)), None)
        return ": ".join(as_text(part) for part in (code, message) if part) or write(value)
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else write(value)


_HANDLERS: dict[str, Callable[[Run, Event], VisitChange | None]] = {
    wire.STARTED: _started,
    wire.COMPLETED: _completed,
    wire.FAILED: _failed,
    wire.BLOCK_ENTERED: _entered,
    wire.BLOCK_EXITED: _exited,
    wire.BLOCK_FAILED: _block_failed,
}
_ENDS = (wire.COMPLETED, wire.FAILED)
