"""The JSON documents of runs and transitions that the command line prints. Fields may be added, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs.model import NodeRunInfo, NodeVisit, Run
from scaicore_tui.runs.status_style import NODE_STYLES
from scaicore_tui.runs.transitions import Transition, TransitionKind
from scaicore_tui.timefmt import format_iso

if TYPE_CHECKING:
    from scaicore_tui.analysis.steps import RunSteps, Step
    from scaicore_tui.export.document_types import (
        NodeDocument,
        ResultDocument,
        RunDocument,
        ShowDocument,
        StepDocument,
        TransitionCheckpointDocument,
        TransitionDocument,
        VisitDocument,
    )


def run_document(run: Run) -> RunDocument:
    """Return the document of one run, with its nodes in the order of their first visits."""
    return {
        "execution_id": run.execution_id,
        "core_id": run.core_id,
        "status": str(run.status),
        "started_at": format_iso(run.started_at),
        "ended_at": format_iso(run.ended_at),
        "duration_ms": run.duration_ms,
        "joined_late": run.joined_late,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "instance_key": run.instance_key,
        "event_count": run.event_count,
        "last_event_at": format_iso(run.last_event_at),
        "oddities": list(run.anomalies),
        "nodes": [_node(node) for node in run.nodes.values()],
    }


def show_document(run: Run, steps: RunSteps) -> ShowDocument:
    """Return the document of one run with its steps."""
    numbers = {id(visit): number for node in run.nodes.values() for number, visit in enumerate(node.visits)}
    return {
        **run_document(run),
        "steps": [_step(step, None if step.visit is None else numbers[id(step.visit)]) for step in steps.steps],
    }


def _step(step: Step, visit: int | None) -> StepDocument:
    return {
        "node_id": step.node_id,
        "block_kind": step.block_kind,
        "state": None if step.state is None else str(step.state),
        "entered_at": format_iso(step.entered_at),
        "ended_at": format_iso(step.ended_at),
        "duration_ms": step.duration_ms,
        "offset_ms": step.offset_ms,
        "parent": step.parent,
        "depth": step.depth,
        "iteration": step.iteration,
        "attempt": step.attempt,
        "waits_for_person": step.waits_for_person,
        "error": step.error,
        "visit": visit,
        "entered_event": step.entered_event or None,
        "ended_event": step.ended_event or None,
        "inferred": list(step.inferred),
    }


def transition_document(transition: Transition) -> TransitionDocument:
    """Return the document of one transition."""
    document: TransitionDocument = {
        "at": format_iso(transition.at),
        "change": str(transition.kind),
        "execution_id": transition.execution_id,
        "core_id": transition.core_id,
        "node_id": transition.node_id,
        "block_kind": transition.block_kind,
        "duration_ms": transition.duration_ms,
        "error": transition.error,
    }
    if transition.kind is TransitionKind.NODE_EXITED and transition.visit is not None:
        document = {**document, **_result(transition.visit)}
    if transition.checkpoint is not None:
        document["checkpoint"] = _checkpoint(transition.checkpoint)
    return document


def _checkpoint(row: Checkpoint) -> TransitionCheckpointDocument:
    return {
        "checkpoint_id": row.id,
        "checkpoint_type": row.checkpoint_type,
        "title": row.title,
        "options": [option.id for option in row.options],
        "resolution": row.resolution,
        "resolved_by": row.resolved_by,
    }


def _node(node: NodeRunInfo) -> NodeDocument:
    return {
        "node_id": node.node_id,
        "block_kind": node.block_kind,
        "state": str(node.state),
        "color": NODE_STYLES[node.state].colour,
        "visit_count": node.visit_count,
        "visits": [_visit(visit) for visit in node.visits],
    }


def _visit(visit: NodeVisit) -> VisitDocument:
    return {
        "state": str(visit.state),
        "entered_at": format_iso(visit.entered_at),
        "ended_at": format_iso(visit.ended_at),
        "duration_ms": visit.duration_ms,
        **_result(visit),
        "error": visit.error,
    }


def _result(visit: NodeVisit) -> ResultDocument:
    return {
        "result_binding": visit.result_binding,
        "result_binding_value": visit.result,
        "result_binding_truncated": visit.is_truncated,
    }
