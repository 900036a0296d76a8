"""Runs as every export format gets them: of the scene, of generated flows, and of hostile feeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scaicore_tui.analysis.flow_graph import FlowGraph
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.runs import RunStatus
from tests.support.builders import NOON, SECOND
from tests.support.flow_graphs import client_graph
from tests.support.generated_flows import execute
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.step_truth import reduce_events

LATER = NOON + 3_600 * SECOND


def exported(events: Sequence[Event], graph: FlowGraph | None = None, **more: Any) -> ExportedRun:
    """Return the run of `events`, which are those of one run; it was observed until an hour after noon."""
    run = reduce_events(events[0].execution_id or "", events)
    run.status = run.outcome or RunStatus.RUNNING
    return ExportedRun(run, build_steps(run, graph), events, **({"now": LATER} | more))


def export_of(*runs: ExportedRun, **more: Any) -> Export:
    return Export(runs, NOON, "demo", "demo", **more)


def generated(seed: int) -> ExportedRun:
    """Return the finished run of a flow made at random, with its graph."""
    execution = execute(seed)
    run = exported(execution.events, client_graph(execution.graph))
    return ExportedRun(run.run, run.steps, run.events, run.run.last_event_at or 0)


def hostile_runs() -> Iterable[ExportedRun]:
    """Yield all runs of a feed with every string of the corpus in every field."""
    runs: dict[str, list[Event]] = {}
    for source in HostileFeed(list(CORPUS.values())).events:
        event = decode_event(source)
        if event.execution_id is not None:
            runs.setdefault(event.execution_id, []).append(event)
    yield from (exported(events) for events in runs.values())
