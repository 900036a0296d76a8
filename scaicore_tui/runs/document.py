"""A run as the JSON document of the command line: fields may be added, never changed."""

from __future__ import annotations

from typing import Any

from scaicore_tui.runs.model import NodeRunInfo, NodeVisit, Run
from scaicore_tui.runs.status import NODE_LOOKS
from scaicore_tui.wire.timestamps import iso


def run_document(run: Run) -> dict[str, Any]:
    """The document of one run, nodes in the order they were first entered."""
    return {
        "execution_id": run.execution_id,
        "core_id": run.core_id,
        "status": str(run.status),
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at),
        "duration_ms": run.duration_ms,
        "joined_late": run.joined_late,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "instance_key": run.instance_key,
        "event_count": run.event_count,
        "last_event_at": iso(run.last_event_at),
        "oddities": list(run.oddities),
        "nodes": [_node(node) for node in run.nodes.values()],
    }


def _node(node: NodeRunInfo) -> dict[str, Any]:
    return {
        "node_id": node.node_id,
        "block_kind": node.block_kind,
        "state": str(node.state),
        "color": NODE_LOOKS[node.state].colour,
        "visit_count": node.visit_count,
        "visits": [_visit(visit) for visit in node.visits],
    }


def _visit(visit: NodeVisit) -> dict[str, Any]:
    return {
        "state": str(visit.state),
        "entered_at": iso(visit.entered_at),
        "ended_at": iso(visit.ended_at),
        "duration_ms": visit.duration_ms,
        "result_binding": visit.result_binding,
        "result_binding_value": visit.result,
        "result_binding_truncated": visit.truncated,
        "error": visit.error,
    }
