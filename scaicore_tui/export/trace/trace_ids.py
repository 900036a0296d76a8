"""Ids of traces and spans, derived from what they stand for: every recorder and every repeat gives the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from scaicore_tui.runs.model import NodeKey, Run

# Part of every id. Increase it if the same run has to become another trace.
_VERSION = "1"
_TRACE_BYTES, _SPAN_BYTES = 16, 8


def trace_id(core_id: str | None, execution_id: str) -> bytes:
    """Return the id of the trace of a run, 16 bytes."""
    return _digest(_TRACE_BYTES, _VERSION, core_id or "", execution_id)


def run_span_id(trace: bytes) -> bytes:
    """Return the id of the span that stands for the run itself, 8 bytes."""
    return _digest(_SPAN_BYTES, trace.hex(), "run")


def step_span_id(trace: bytes, node: NodeKey, ordinal: int) -> bytes:
    """Return the id of the visit with number `ordinal` of a node, from 0, counting visits that are no longer kept."""
    node_id, block_kind = node
    kind = "node" if node_id is not None else "kind"
    return _digest(_SPAN_BYTES, trace.hex(), kind, node_id or block_kind or "", str(ordinal))


def visit_ordinals(run: Run) -> Mapping[int, int]:
    """Return the number of each visit in its node, for `step_span_id`, by the identity of the visit."""
    return {id(visit): number for node in run.nodes.values() for number, visit in enumerate(node.visits, node.dropped)}


def checkpoint_span_id(trace: bytes, checkpoint_id: str) -> bytes:
    """Return the id of the span of a pending checkpoint."""
    return _digest(_SPAN_BYTES, trace.hex(), "checkpoint", checkpoint_id)


def _digest(length: int, *parts: str) -> bytes:
    """Return a hash of `parts`, never only zeros, which would be no id."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    whole = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    found = sha256(whole).digest()[:length]
    return found if any(found) else bytes(length - 1) + b"\1"
