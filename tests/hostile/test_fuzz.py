"""Random bodies, processed from bytes to lines on the screen. The benchmark tries a million of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.protocol.lenient_json import MAX_DEPTH, UNPARSED, is_too_deep, value_at
from tests.support.fuzz import GROWING, grows_less_than, mutants, try_body
from tests.support.hostile.bodies import TIMESTAMPS

MUTANTS = 3_000
TEXTS = st.text(st.characters(), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just("x" * 3_000)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
KINDS = (
    "invocation.started",
    "invocation.completed",
    "invocation.failed",
    "block.entered",
    "block.exited",
    "block.failed",
)
NAMES = (
    *("execution_id", "node_id", "block_kind", "instance_key", "input", "output", "error", "message", "duration_ms"),
    *("result_binding", "result_binding_value", "result_binding_truncated", "source_location", "input_truncated"),
)
PAYLOADS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.sampled_from(["exec_1", "a", "rigid", True]), max_size=7)
STAMPS = st.sampled_from(TIMESTAMPS) | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([f"scaicore.runtime.{kind}" for kind in KINDS]) | VALUES, "payload": PAYLOADS | VALUES},
    optional={"timestamp": STAMPS, "core_id": VALUES},
)
CHECKPOINTS = st.dictionaries(
    st.sampled_from(
        [
            *("id", "core_id", "checkpoint_type", "status", "presentation", "options", "created_at", "expires_at"),
            *("execution_id", "flow_name", "prompt", "context", "priority", "assignee_raw", "resolved_by"),
        ]
    ),
    VALUES | STAMPS,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS | VALUES, max_size=6), st.lists(CHECKPOINTS | VALUES, max_size=4), VALUES)
def test_reads_pages_of_random_values(events: list[Any], checkpoints: list[Any], cursor: Any) -> None:
    try_body(json.dumps({"data": {"events": events, "checkpoints": checkpoints, "next_cursor": cursor}}).encode())


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b'{"events": [%b]}', b'{"checkpoints": [{"id": %b}]}', b"%b"]))
def test_reads_random_bytes(inner: bytes, around: bytes) -> None:
    try_body(around % inner)


# An error without a usual name is shown as the JSON of the rest of its payload.
ENTERED = b'{"type": "scaicore.runtime.block.entered", "payload": {"execution_id": "exec_1", "node_id": "a"}}'
FAILED = b'{"type": "scaicore.runtime.block.failed", "payload": {"execution_id": "exec_1", "node_id": "a", %b: {}}}'


@pytest.mark.parametrize("name", [b'"err\xd0"', rb'"err\ud800"', rb'"err\udc80"'])
def test_reads_the_error_of_a_step_with_half_a_character(name: bytes) -> None:
    try_body(b'{"events": [%b, %b]}' % (FAILED % name, ENTERED))


def test_reads_damaged_bodies() -> None:
    for body in mutants(MUTANTS, seed=5):
        try_body(body)


@pytest.mark.parametrize("kind", GROWING)
def test_decoding_time_is_linear(kind: str) -> None:
    """With quadratic time it would take 64 times as long."""
    assert grows_less_than(30, kind, 20_000)


@settings(deadline=None)
@given(st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=30), st.integers(0, 250))
def test_measures_the_depth_of_a_value(value: Any, more: int) -> None:
    nested = value
    for _ in range(more):
        nested = [nested]
    text = json.dumps(nested)
    depth = more + _depth(value)
    assert is_too_deep(text.encode()) is (depth > MAX_DEPTH)
    found, end = value_at(text, 0)
    assert (found == UNPARSED) is (depth > MAX_DEPTH)
    assert end == len(text)


def _depth(value: Any) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
