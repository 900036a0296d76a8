"""The format `chrome`: runs as trace events, for Perfetto, speedscope and `chrome://tracing`.

A Core is a process, and a run one or more threads of it. The steps are complete events (`X`), which viewers nest by
their times: so each thread only has steps that nest, and one that overlaps them goes to another thread of its run.
(speedscope ignores asynchronous events, so steps cannot be those.) Waits for people are asynchronous events (`b`, `e`)
as well, on a track of their own; failures are instants. Times are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scaicore_tui.analysis.steps import Step
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.trace.chrome_lanes import Slice, assign_lanes
from scaicore_tui.export.trace.intervals import (
    Interval,
    checkpoint_interval,
    lone_checkpoints,
    run_interval,
    step_interval,
)
from scaicore_tui.export.trace.spans import clean_value
from scaicore_tui.export.trace.trace_ids import checkpoint_span_id, step_span_id, trace_id, visit_ordinals
from scaicore_tui.json_text import write
from scaicore_tui.runs import RunStatus
from scaicore_tui.timefmt import format_iso

RUN, STEP, WAIT, ERROR = "run", "step", "wait for a person", "error"
Event = dict[str, Any]
Args = dict[str, Any]


def export_chrome(export: Export) -> Iterator[str]:
    """Yield the file: one JSON object with an event in each line."""
    yield '{"displayTimeUnit":"ms","traceEvents":[\n'
    numbers = _Numbers()
    comma = ""
    for exported in export.runs:
        for event in _run_events(exported, numbers):
            yield comma + _text(event)
            comma = ",\n"
    about = {
        "source": export.source or None,
        "exported_at": format_iso(export.at),
        "redacted": {row.reason: row.count for row in export.redacted} if export.is_redacted else None,
    }
    yield f'\n],"otherData":{_text(_known(about))}}}\n'


class _Numbers:
    """Numbers of processes and threads: viewers want numbers, and show their names."""

    def __init__(self) -> None:
        self._processes: dict[str, int] = {}
        self._threads = 0

    def process(self, core: str) -> tuple[int, bool]:
        """Return the number of a Core, and if it is new."""
        is_new = core not in self._processes
        return self._processes.setdefault(core, len(self._processes) + 1), is_new

    def thread(self) -> int:
        """Return a new number."""
        self._threads += 1
        return self._threads


def _run_events(exported: ExportedRun, numbers: _Numbers) -> Iterator[Event]:
    """Yield the events of one run: names, then all others by their time."""
    run = exported.run
    core = run.core_id or "(unknown Core)"
    process, is_new = numbers.process(core)
    if is_new:
        yield _name("process_name", process, 0, core)
    lanes = assign_lanes(_slices(exported))
    threads = [numbers.thread() for _ in lanes]
    found: list[Event] = []
    for number, (lane, thread) in enumerate(zip(lanes, threads, strict=True), 1):
        name = run.execution_id if number == 1 else f"{run.execution_id} ({number})"
        yield _name("thread_name", process, thread, name)
        for each in lane:
            found += _slice_events(each, process, thread)
    found += _wait_events(exported, process, threads[0])
    # The sort is stable: of events at the same time, containers come first.
    yield from sorted(found, key=lambda event: (event["ts"], -event.get("dur", 0)))


def _slices(exported: ExportedRun) -> list[Slice]:
    """Return the run and its steps, each with the index of its container."""
    run = exported.run
    begin_to_end = run_interval(exported)
    whole = Slice(
        clean_value(run.core_id or run.execution_id), RUN, begin_to_end, None, _run_args(exported, begin_to_end)
    )
    slices, indexes = [whole], {}
    usual = _common_inferred(exported)
    for step in exported.steps.steps:
        if step.is_reached:
            indexes[step.index] = len(slices)
            interval = step_interval(exported, step)
            category = WAIT if step.waits_for_person else STEP
            parent = 0 if step.parent is None else indexes[step.parent]
            args = _step_args(step, interval, usual)
            slices.append(Slice(clean_value(step.name), category, interval, parent, args))
    return slices


def _run_args(exported: ExportedRun, interval: Interval) -> Args:
    run = exported.run
    return _known(
        {
            "execution_id": run.execution_id,
            "state": str(run.status),
            "error": run.error if run.outcome is RunStatus.FAILED else None,
            "replays": exported.replays,
            "joined_late": run.joined_late or None,
            "missing": exported.missing or None,
            "gaps": len(exported.gaps) or None,
            "dropped_visits": exported.steps.dropped or None,
            "inferred": list(_common_inferred(exported)) or None,
            "anomalies": list(run.anomalies) or None,
            "time": list(interval.notes) or None,
        }
    )


def _common_inferred(exported: ExportedRun) -> tuple[str, ...]:
    """Return what is inferred of all steps alike: it is said once, of the run."""
    found = {step.inferred for step in exported.steps.steps if step.is_reached}
    return found.pop() if len(found) == 1 else ()


def _step_args(step: Step, interval: Interval, usual: tuple[str, ...]) -> Args:
    """Return what viewers show of a step. `usual` is what is inferred of all steps of the run."""
    return _known(
        {
            "state": str(step.state),
            "kind": step.block_kind,
            "iteration": step.iteration,
            "attempt": step.attempt,
            "error": step.error,
            "truncated": (step.visit is not None and step.visit.is_truncated) or None,
            "inferred": list(step.inferred) if step.inferred != usual else None,
            "time": list(interval.notes) or None,
        }
    )


def _slice_events(each: Slice, process: int, thread: int) -> Iterator[Event]:
    common = {"pid": process, "tid": thread, "name": each.name, "args": each.args}
    yield {"ph": "X", "cat": each.category, "ts": each.begin, "dur": each.end - each.begin, **common}
    if each.args["state"] == "failed":
        yield {"ph": "i", "s": "t", "cat": ERROR, "ts": each.end, **common, "name": f"failed: {each.name}"}


def _wait_events(exported: ExportedRun, process: int, thread: int) -> Iterator[Event]:
    """Yield a pair of events for each wait: of a visit, or of a checkpoint for which no visit waits."""
    trace = trace_id(exported.run.core_id, exported.run.execution_id)
    ordinals, usual = visit_ordinals(exported.run), _common_inferred(exported)
    for step in exported.steps.steps:
        if step.is_reached and step.waits_for_person:
            interval = step_interval(exported, step)
            identity = step_span_id(trace, step.key, ordinals[id(step.visit)])
            args = _step_args(step, interval, usual)
            yield from _pair(identity, clean_value(step.name), interval, args, (process, thread))
    for row in lone_checkpoints(exported):
        interval, identity = checkpoint_interval(exported, row), checkpoint_span_id(trace, row.id)
        args = _known({"checkpoint": row.id, "type": row.checkpoint_type, "time": list(interval.notes)})
        yield from _pair(identity, clean_value(row.node_id or "checkpoint"), interval, args, (process, thread))


def _pair(identity: bytes, name: str, interval: Interval, args: Args, thread: tuple[int, int]) -> Sequence[Event]:
    common = {"cat": WAIT, "id": identity.hex(), "name": name, "pid": thread[0], "tid": thread[1]}
    return [
        {"ph": "b", "ts": interval.begin, **common, "args": args},
        {"ph": "e", "ts": interval.end, **common},
    ]


def _name(kind: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "ts": 0, "args": {"name": clean_value(name)}}


def _known(values: Mapping[str, Any]) -> Args:
    return {name: clean_value(value) for name, value in values.items() if value is not None}


def _text(value: Any) -> str:
    return write(value, tight=True, ascii_only=True)
