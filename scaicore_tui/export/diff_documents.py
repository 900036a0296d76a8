"""The JSON document of two compared runs. Fields may be added, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scaicore_tui.analysis.value_diff import MISSING, Change, Path, path_text

if TYPE_CHECKING:
    from scaicore_tui.analysis.diff import Divergence, RunDiff, StepPair
    from scaicore_tui.analysis.steps import Step
    from scaicore_tui.export.diff_types import (
        ChangeDocument,
        ComparedNodeDocument,
        ComparedVisitDocument,
        DiffDocument,
        DivergenceDocument,
    )
    from scaicore_tui.runs import Run

# Index of each visit in its node, by the identity of the visit.
_Numbers = Mapping[int, int]


def diff_document(diff: RunDiff, partner: str | None = None) -> DiffDocument:
    """Return the document of two compared runs; `partner` says why the second one was chosen, if it was not given."""
    numbers = {**_numbers(diff.a), **_numbers(diff.b)}
    return {
        "a": diff.a.execution_id,
        "b": diff.b.execution_id,
        "partner": partner,
        "status_a": str(diff.a.status),
        "status_b": str(diff.b.status),
        "duration_ms_a": diff.a.duration_ms,
        "duration_ms_b": diff.b.duration_ms,
        "alike": diff.is_alike,
        "first_divergence": None if diff.first is None else _divergence(diff.first, numbers),
        "input": _changes(diff.input),
        "output": _changes(diff.output),
        "nodes": [_node(pair, numbers) for pair in diff.pairs],
    }


def _numbers(run: Run) -> _Numbers:
    return {id(visit): number for node in run.nodes.values() for number, visit in enumerate(node.visits)}


def _divergence(first: Divergence, numbers: _Numbers) -> DivergenceDocument:
    step = None if first.pair is None else first.pair.step
    return {
        "node_id": None if step is None else step.node_id,
        "visit": None if step is None else numbers[id(step.visit)],
        "cause": str(first.cause),
    }


def _node(pair: StepPair, numbers: _Numbers) -> ComparedNodeDocument:
    return {
        "node_id": pair.step.node_id,
        "block_kind": pair.step.block_kind,
        "visit": numbers[id(pair.step.visit)],
        "alike": pair.is_alike,
        "a": _visit(pair.a, numbers),
        "b": _visit(pair.b, numbers),
        "changes": _changes(pair.changes),
        "moved": pair.is_moved,
        "cut": pair.is_cut,
    }


def _visit(step: Step | None, numbers: _Numbers) -> ComparedVisitDocument | None:
    if step is None:
        return None
    return {
        "visit": numbers[id(step.visit)],
        "state": str(step.state),
        "duration_ms": step.duration_ms,
        "iteration": step.iteration,
        "attempt": step.attempt,
        "error": step.error,
    }


def _changes(found: Iterable[Change]) -> list[ChangeDocument]:
    return [change_document(change.path, change.a, change.b) for change in found]


def change_document(path: Path, a: Any, b: Any) -> ChangeDocument:
    """Return the document of two values at a path; one that is MISSING is left out."""
    document: ChangeDocument = {"path": path_text(path)}
    if a is not MISSING:
        document["a"] = a
    if b is not MISSING:
        document["b"] = b
    return document
