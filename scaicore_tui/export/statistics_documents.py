"""The JSON documents of statistics and of groups of runs. Fields may be added, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.timefmt import format_iso

if TYPE_CHECKING:
    from scaicore_tui.analysis.run_groups import ErrorGroup, RunGroup
    from scaicore_tui.analysis.statistics.answers import AnswerFigures
    from scaicore_tui.analysis.statistics.figures import NodeFigures
    from scaicore_tui.analysis.statistics.paths import Variant
    from scaicore_tui.export.document_types import (
        AnswersDocument,
        ErrorGroupDocument,
        NodeFiguresDocument,
        RunGroupDocument,
        VariantDocument,
    )


def node_figures_document(row: NodeFigures) -> NodeFiguresDocument:
    """Return the document of the figures of one node."""
    return {
        "core_id": row.core_id or None,
        "node_id": row.node_id or None,
        "visits": row.visits,
        "failed": row.failed,
        "p50_ms": _rounded(row.p50_ms),
        "p95_ms": _rounded(row.p95_ms),
        "p99_ms": _rounded(row.p99_ms),
        "waits_for_people": row.waits_for_people,
        "block_kind": row.block_kind or None,
        "waits": row.waits,
        "exact": row.is_exact,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost": row.cost,
    }


def answers_document(row: AnswerFigures) -> AnswersDocument:
    """Return the document of the checkpoints of one type and assignee."""
    return {
        "checkpoint_type": row.checkpoint_type,
        "assignee": row.assignee or None,
        "asked": row.asked,
        "answered": row.answered,
        "expired": row.expired,
        "pending": row.pending,
        "timed": row.timed,
        "p50_ms": row.p50_ms,
        "p95_ms": row.p95_ms,
    }


def error_group_document(group: ErrorGroup) -> ErrorGroupDocument:
    """Return the document of failed runs with the same cause."""
    return {
        "core_id": group.core_id,
        "node_id": group.node_id,
        "code": group.code,
        "text": group.text,
        "count": group.count,
        "first_at": format_iso(group.first_at),
        "last_at": format_iso(group.last_at),
        "example": group.example,
        "trend": str(group.trend),
        "new_today": group.is_new,
    }


def variant_document(row: Variant) -> VariantDocument:
    """Return the document of runs that took the same path."""
    return {
        "core_id": row.core_id,
        "path": list(row.path),
        "count": row.count,
        "share": row.share,
        "failed": row.failed,
        "p95_ms": row.p95_ms,
        "example": row.example,
    }


def run_group_document(group: RunGroup) -> RunGroupDocument:
    """Return the document of runs with the same value."""
    return {
        "core_id": group.core_id,
        "value": group.value,
        "count": group.count,
        "failed": group.failed,
        "p95_ms": group.p95_ms,
        "last_at": format_iso(group.last_at),
        "example": group.example,
    }


def _rounded(milliseconds: float | None) -> float | None:
    """Return a duration to the microsecond: the quantiles of a histogram have no more meaning than that."""
    return None if milliseconds is None else round(milliseconds, 3)
